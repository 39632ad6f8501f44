# SPDX-License-Identifier: Apache-2.0
"""The older official SDK: HMAC-SHA1, everything in the query."""

from __future__ import annotations

import json
import warnings
from typing import Any

import pytest
from fakes.papercloud import MAIN_KEY as KEY
from fakes.sdk import Sdk

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from aliyunsdkcore.acs_exception.exceptions import ServerException
    from aliyunsdkcore.client import AcsClient
    from aliyunsdkcore.request import CommonRequest
    from aliyunsdkecs.request.v20140526.DescribeImagesRequest import DescribeImagesRequest

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::SyntaxWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


def _send(sdk: Sdk, action: str, secret: str = KEY.access_key_secret, **query: Any) -> bytes:
    request = CommonRequest()
    request.set_accept_format("json")
    request.set_domain(sdk.address)
    request.set_protocol_type("http")
    request.set_method("POST")
    request.set_version("2014-05-26")
    request.set_action_name(action)
    for name, value in query.items():
        request.add_query_param(name.replace("__", "."), value)
    client = AcsClient(KEY.access_key_id, secret, "cn-hangzhou")
    return bytes(client.do_action_with_exception(request))


def test_a_call_passes_with_blanks_and_marks_in_its_values(sdk: Sdk) -> None:
    """The signature is over %20, %2A and ~."""
    found = json.loads(
        _send(sdk, "DescribeInstances", RegionId="cn-hangzhou", InstanceName="a b*~/+")
    )
    assert found["TotalCount"] == 0


def test_a_wrong_secret_is_told(sdk: Sdk) -> None:
    """With the SDK's own exception."""
    with pytest.raises(ServerException) as refused:
        _send(sdk, "DescribeRegions", secret="wrong")
    assert refused.value.get_error_code() == "SignatureDoesNotMatch"
    assert refused.value.get_http_status() == 403


def test_the_generated_requests_of_the_older_sdk_work(sdk: Sdk) -> None:
    """DescribeImages through its own class."""
    request = DescribeImagesRequest()
    request.set_accept_format("json")
    request.set_PageSize(1)
    found = json.loads(_generated(sdk, request))
    assert (found["TotalCount"], len(found["Images"]["Image"])) == (2, 1)


def _generated(sdk: Sdk, request: Any) -> bytes:
    request.set_endpoint(sdk.address)
    request.set_protocol_type("http")
    client = AcsClient(KEY.access_key_id, KEY.access_key_secret, "cn-hangzhou")
    return bytes(client.do_action_with_exception(request))
