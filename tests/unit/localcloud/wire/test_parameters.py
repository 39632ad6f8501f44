# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import pytest

from hostlift.localcloud.wire.errors import ApiError
from hostlift.localcloud.wire.parameters import JsonList, Ranged, Request, Time, read_request


@dataclass(frozen=True, kw_only=True)
class DiskPart:
    Size: int
    Keep: bool = False


@dataclass(frozen=True, kw_only=True)
class Example(Request):
    HARMLESS = "Colour Nested"

    RegionId: str
    Amount: Annotated[int, Ranged(1, 3, "InvalidAmount")] = 1
    Price: float | None = None
    Mode: Literal["fast", "slow"] | None = None
    Names: tuple[str, ...] = ()
    Disk: tuple[DiskPart, ...] = ()
    System: DiskPart | None = None
    Ids: JsonList | None = None
    When: Time | None = None


def _read(**given: str) -> Example:
    return read_request(Example, {k.replace("__", "."): v for k, v in given.items()})


def _code(**given: str) -> ApiError:
    with pytest.raises(ApiError) as refused:
        _read(**given)
    return refused.value


def test_every_type_is_read() -> None:
    """One request with all of them."""
    found = _read(
        RegionId="r",
        Amount="2",
        Price="0.5",
        Mode="fast",
        Names__1="a",
        Names__2="b",
        Disk__1__Size="20",
        Disk__1__Keep="True",
        Disk__2__Size="30",
        Disk__2__Keep="false",
        System__Size="40",
        Ids='["i-1","i-2"]',
        When="2024-01-02T03:04Z",
    )
    assert (found.Amount, found.Price, found.Mode, found.Names) == (2, 0.5, "fast", ("a", "b"))
    assert found.Disk == (DiskPart(Size=20, Keep=True), DiskPart(Size=30))
    assert found.System == DiskPart(Size=40)
    assert found.Ids == ("i-1", "i-2")
    assert found.When == 1704164640.0


def test_lists_keep_the_order_of_their_numbers() -> None:
    """10 comes after 9, and gaps do not matter."""
    found = _read(RegionId="r", **{f"Names.{n}": str(n) for n in (10, 9, 2)})
    assert found.Names == ("2", "9", "10")


def test_what_is_missing_is_named() -> None:
    """With the list index when it is in a list."""
    assert '"RegionId"' in _code().message
    error = _code(RegionId="r", Disk__2__Keep="true")
    assert (error.code, '"Disk.2.Size"' in error.message) == ("MissingParameter", True)


@pytest.mark.parametrize("name", ["Foo", "Disk.1.Foo", "RegionId.1", "region_id", "System.Foo"])
def test_what_is_unknown_is_named(name: str) -> None:
    """Top-level, in a list, in a part, misspelt."""
    given = {"RegionId": "r", "Disk.1.Size": "1", "System.Size": "1", name: "x"}
    with pytest.raises(ApiError) as refused:
        read_request(Example, given)
    assert refused.value.code == "UnsupportedParameter"
    assert f'"{name}"' in refused.value.message


def test_harmless_parameters_pass_with_all_below_them() -> None:
    """They change nothing."""
    assert _read(RegionId="r", Colour="blue", Nested__1__Deep="x") == _read(RegionId="r")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Amount", "two"),
        ("Price", "much"),
        ("Mode", "medium"),
        ("Ids", "i-1"),
        ("Ids", "[1]"),
        ("Disk.x.Size", "1"),
        ("Disk.0.Size", "1"),
        ("OwnerId", "me"),
    ],
)
def test_a_wrong_type_is_an_invalid_parameter(name: str, value: str) -> None:
    """The parameter is named."""
    with pytest.raises(ApiError) as refused:
        read_request(Example, {"RegionId": "r", name: value})
    assert refused.value.code == "InvalidParameter"
    assert name in refused.value.message


def test_a_number_out_of_range_has_the_code_of_its_declaration() -> None:
    """Both ends."""
    assert _code(RegionId="r", Amount="0").code == "InvalidAmount"
    assert _code(RegionId="r", Amount="4").code == "InvalidAmount"
    assert _code(RegionId="r", When="soon").code == "InvalidWhen.Malformed"


def test_parameters_of_the_protocol_are_nobodys_own() -> None:
    """Signature, Format and the like never reach an action."""
    assert read_request(Example, {"RegionId": "r", "Signature": "s", "Format": "JSON"}) == _read(
        RegionId="r"
    )
