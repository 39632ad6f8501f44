# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from xml.etree import ElementTree as ET

from hostlift.localcloud.wire.answer import failure, success
from hostlift.localcloud.wire.errors import ApiError

BODY = {"Zones": {"Zone": [{"Id": "a", "On": True}, {"Id": "<b>", "On": False}]}, "Total": 2}


def test_json_has_the_request_id_and_the_body() -> None:
    """PascalCase, lists doubly wrapped, as given."""
    done = success(BODY, action="DescribeZones", request_id="R")
    assert json.loads(done.body) == {"RequestId": "R", **BODY}
    assert (done.status, done.code) == (200, "")


def test_xml_repeats_the_element_of_a_list() -> None:
    """For a client that asks for Format=XML; the root is named after the action."""
    done = success(BODY, action="DescribeZones", request_id="R", xml=True)
    tree = ET.fromstring(done.body)
    assert tree.tag == "DescribeZonesResponse"
    assert [z.text for z in tree.findall("Zones/Zone/Id")] == ["a", "<b>"]
    assert [z.text for z in tree.findall("Zones/Zone/On")] == ["true", "false"]


def test_an_error_has_the_documented_fields_in_both_forms() -> None:
    """RequestId, HostId, Code, Message, Recommend; XML root Error."""
    error = ApiError("NoSuch", "It is not there.", 404)
    done = failure(error, host="ecs.local", request_id="R")
    found = json.loads(done.body)
    assert (done.status, done.code) == (404, "NoSuch")
    assert (found["Code"], found["Message"], found["HostId"]) == (
        "NoSuch",
        "It is not there.",
        "ecs.local",
    )
    assert found["Recommend"].startswith("https://")
    tree = ET.fromstring(failure(error, host="h", request_id="R", xml=True).body)
    assert (tree.tag, tree.findtext("Code")) == ("Error", "NoSuch")
