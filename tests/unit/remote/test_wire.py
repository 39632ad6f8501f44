# SPDX-License-Identifier: Apache-2.0
"""Messages as JSON, ids of orders, refusals as errors."""

from __future__ import annotations

import pytest

from hostlift.errors import AgentRefused, ProtocolError
from hostlift.model.plan import Content, TargetDisk, TargetPartition, Volume
from hostlift.remote.channel import Answer
from hostlift.remote.messages import (
    Hello,
    JobKind,
    JobOrder,
    PrepareOrder,
    Refusal,
    SealOrder,
    Stage,
)
from hostlift.remote.wire import accepted, from_json, job_id, to_json


def _prepare(serials: dict[int, str]) -> JobOrder:
    partition = TargetPartition(number=1, start=0, size=1, type="83", content=Content.FILES)
    disks = tuple(
        TargetDisk(index=i, size_gib=1, table=None, partitions=(partition,))
        for i in sorted(serials)
    )
    volume = Volume(id="v", disk=0, partition=1, mount_point="/", file_system="ext4", trees=())
    order = PrepareOrder(disks=disks, volumes=(volume,), serials=serials)
    return JobOrder(kind=JobKind.PREPARE, prepare=order)


def test_an_order_survives_the_wire() -> None:
    """Nested records, enums and integer keys come out as they went in."""
    order = _prepare({0: "aa", 1: "bb"})
    assert from_json(JobOrder, to_json(order)) == order


def test_equal_orders_have_equal_ids_and_others_do_not() -> None:
    """The id does not depend on the order of a mapping, and does on everything else."""
    assert job_id(_prepare({0: "aa", 1: "bb"})) == job_id(_prepare({1: "bb", 0: "aa"}))
    assert job_id(_prepare({0: "aa"})) != job_id(_prepare({0: "ab"}))
    one, two = (JobOrder(kind=JobKind.SEAL, seal=SealOrder(nonce=n)) for n in "12")
    assert job_id(one) != job_id(two)


def test_what_is_no_message_names_the_field() -> None:
    """The error says where it went wrong."""
    with pytest.raises(ProtocolError, match="stage"):
        from_json(Hello, b'{"stage": "elsewhere", "migration": "m"}')
    with pytest.raises(ProtocolError):
        from_json(Hello, b"<html>")


def test_the_bootstraps_hello_is_a_hello() -> None:
    """The program that cannot import `messages` writes what `messages` reads."""
    raw = (
        b'{"stage": "bootstrap", "migration": "m", "protocol": 1, "archive": "",'
        b' "boot_id": "b", "python": "3.11"}'
    )
    assert from_json(Hello, raw) == Hello(
        stage=Stage.BOOTSTRAP, migration="m", boot_id="b", python="3.11"
    )


def test_a_refusal_becomes_an_error_with_its_code() -> None:
    """Code, message, subject and hint arrive."""
    refusal = Refusal(code="adapt", message="no kernel", subject="/boot", hint="install one")
    with pytest.raises(AgentRefused) as refused:
        accepted(Answer(500, to_json(refusal)))
    error = refused.value
    assert (error.agent_code, error.message, error.subject, error.hint) == (
        "adapt",
        "no kernel",
        "/boot",
        "install one",
    )


def test_an_error_page_of_somebody_else_is_still_an_error() -> None:
    """A proxy's HTML gives the status."""
    with pytest.raises(AgentRefused, match="502"):
        accepted(Answer(502, b"<html>Bad gateway</html>"))
