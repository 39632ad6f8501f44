# SPDX-License-Identifier: Apache-2.0
"""What the parts of the receiving side share: what arrived, and what to say when it is no good."""

from __future__ import annotations

from hostlift.errors import ProtocolError
from hostlift.model.entry import Entry, Fields, entry_of, unpack_fields
from hostlift.replicate import ops
from hostlift.replicate.fs import content
from hostlift.replicate.fs.attributes import Applier
from hostlift.replicate.protocol import Trouble


class Snag(Exception):
    """An operation that did not (wholly) succeed, for the sender to deal with."""

    def __init__(self, trouble: Trouble, reason: str) -> None:
        super().__init__(reason)
        self.trouble = trouble
        self.reason = reason


def received(raw: bytes) -> Entry:
    """An entry that came over the wire.

    Raises:
        ProtocolError: It is none, or its path leads out of the tree.
    """
    return placed(unpack_fields(raw))


def placed(fields: Fields) -> Entry:
    """The entry of fields that came over the wire.

    Raises:
        ProtocolError: Its path leads out of the tree.
    """
    entry = entry_of(fields)
    try:
        ops.safe_path(entry.path)
    except ValueError as error:
        raise ProtocolError(str(error)) from error
    return entry


def spread(size: int, ranges: ops.Ranges, data: memoryview) -> bytearray:
    """Content with its holes filled by zeros."""
    if size > content.LARGE or any(o + n > size for o, n in ranges):
        raise ProtocolError("data beyond the end of the file")
    whole = bytearray(size)
    at = 0
    for offset, length in ranges:
        whole[offset : offset + length] = data[at : at + length]
        at += length
    return whole


def report(applier: Applier) -> None:
    """Raise a `Snag` when metadata were refused."""
    if applier.refused:
        raise Snag(Trouble.PARTIAL, "; ".join(applier.refused)[:1000])
