# SPDX-License-Identifier: Apache-2.0
"""RAM users, roles and accounts at the API of a cloud."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from fakes.calls import ZONE, Calls, Refused, mandatory
from fakes.papercloud import PaperCloud, cloud

from hostlift.localcloud.actions.base import Order
from hostlift.localcloud.actions.registry import ACTIONS
from hostlift.localcloud.wire.message import Product
from hostlift.localcloud.wire.times import to_second


def _allow(*actions: str, **more: Any) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*", **more}
    return {"Version": "1", "Statement": [statement]}


def _with(*policies: Any, roles: tuple[dict[str, Any], ...] = (), **account: Any) -> PaperCloud:
    user = {"name": "mover", "policies": policies}
    return cloud(accounts=[{"name": "main", "users": [user], "roles": roles, **account}])


@pytest.fixture
def made() -> Iterator[list[PaperCloud]]:
    """Clouds to take down at the end."""
    found: list[PaperCloud] = []
    yield found
    for paper in found:
        paper.close()


def test_a_user_without_policies_may_do_nothing_but_ask_who_it_is(made: list[PaperCloud]) -> None:
    """The refusal says which permission is missing, and whose."""
    made.append(paper := _with())
    mover = Calls(paper, "main/mover")
    refused = mover.refused(Product.ECS, "DescribeInstances")
    assert (refused.code, refused.status) == ("Forbidden.RAM", 403)
    detail = refused.detail
    message = json.loads(base64.b64decode(detail.pop("EncodedDiagnosticMessage")))
    assert message["resource"] == "acs:ecs:cn-hangzhou:1234567890123456:instance/*"
    assert detail == {
        "AuthAction": "ecs:DescribeInstances",
        "AuthPrincipalDisplayName": paper.key("main/mover").id,
        "AuthPrincipalOwnerId": "1234567890123456",
        "AuthPrincipalType": "SubUser",
        "NoPermissionType": "ImplicitDeny",
        "PolicyType": "AccountLevelIdentityBasedPolicy",
    }
    who = mover.sts("GetCallerIdentity")
    assert who["Arn"] == "acs:ram::1234567890123456:user/mover"
    assert (who["IdentityType"], who["UserId"]) == ("RAMUser", paper.key("main/mover").id)


def test_full_access_policies_let_a_whole_life_pass(made: list[PaperCloud]) -> None:
    """The two that the old tool asked for."""
    made.append(paper := _with("AliyunECSFullAccess", "AliyunVPCFullAccess"))
    mover = Calls(paper, "main/mover")
    _, vswitch, group = mover.network()
    key = mover.run(vswitch, group)
    mover.settle()
    assert mover.instance(key)["Status"] == "Running"
    mover.ecs("DeleteInstance", InstanceId=key, Force="true")
    assert mover.refused(Product.BSS, "QueryAccountBalance").code == "NotAuthorized"


def test_an_explicit_deny_says_so(made: list[PaperCloud]) -> None:
    """NoPermissionType tells it from a permission nobody gave."""
    deny = {
        "Version": "1",
        "Statement": [{"Effect": "Deny", "Action": "ecs:Run*", "Resource": "*"}],
    }
    made.append(paper := _with("AdministratorAccess", deny))
    mover = Calls(paper, "main/mover")
    refused = mover.refused(Product.ECS, "RunInstances", ImageId="m", InstanceType="x")
    assert refused.detail["NoPermissionType"] == "ExplicitDeny"


def test_a_policy_can_be_about_single_resources(made: list[PaperCloud]) -> None:
    """By id, by kind, by region."""
    hangzhou = "acs:vpc:cn-hangzhou:*:vpc/*"
    policy = _allow("vpc:CreateVpc", "vpc:DeleteVpc", Resource=hangzhou)
    made.append(paper := _with(policy))
    mover = Calls(paper, "main/mover")
    assert mover.vpc("CreateVpc")["VpcId"]
    with pytest.raises(Refused, match=r"Forbidden\.RAM"):
        mover.of("main/mover", "cn-beijing").vpc("CreateVpc")


def test_a_policy_can_be_about_tags(made: list[PaperCloud]) -> None:
    """Only what is tagged may be deleted, only tagged things made."""
    tagged = {"StringEquals": {"ecs:tag/hostlift": "m-1"}}
    policy = _allow("ecs:DeleteInstance", "ecs:StopInstance", Condition=tagged)
    made.append(paper := _with(policy))
    owner, mover = Calls(paper), Calls(paper, "main/mover")
    _, vswitch, group = owner.network()
    ours = owner.run(vswitch, group, **{"Tag.1.Key": "hostlift", "Tag.1.Value": "m-1"})
    theirs = owner.run(vswitch, group)
    owner.settle()
    assert mover.refusal("DeleteInstance", InstanceId=theirs, Force="true") == "Forbidden.RAM"
    mover.ecs("DeleteInstance", InstanceId=ours, Force="true")


def test_a_policy_can_be_about_where_the_call_comes_from(made: list[PaperCloud]) -> None:
    """acs:SourceIp."""
    home = {"IpAddress": {"acs:SourceIp": "198.51.100.0/24"}}
    made.append(paper := _with(_allow("ecs:Describe*", Condition=home)))
    mover = Calls(paper, "main/mover")
    assert mover.refusal("DescribeInstances") == "Forbidden.RAM"
    mover.source = "198.51.100.20"
    assert mover.ecs("DescribeInstances")["TotalCount"] == 0


def test_permission_is_asked_before_anything_is_made_or_dry_run(made: list[PaperCloud]) -> None:
    """DryRun tells whether the permission is there."""
    made.append(paper := _with(_allow("ecs:RunInstances", "vpc:*")))
    owner, mover = Calls(paper), Calls(paper, "main/mover")
    _, vswitch, group = owner.network()
    with pytest.raises(Refused, match="DryRunOperation"):
        mover.run(vswitch, group, DryRun="true")
    made.append(other := _with(_allow("ecs:Describe*")))
    _, vswitch, group = Calls(other).network()
    with pytest.raises(Refused, match=r"Forbidden\.RAM"):
        Calls(other, "main/mover").run(vswitch, group, DryRun="true")


@pytest.mark.parametrize(
    ("product", "action", "given", "resource"),
    [
        (Product.VPC, "CreateVpc", {"CidrBlock": "10.9.0.0/16"}, "vpc:cn-hangzhou:{}:vpc/*"),
        (Product.ECS, "CreateDisk", {"ZoneId": ZONE, "Size": 20}, "ecs:cn-hangzhou:{}:disk/*"),
    ],
)
def test_who_makes_something_with_tags_needs_the_right_to_tag(
    made: list[PaperCloud], product: Product, action: str, given: dict[str, Any], resource: str
) -> None:
    """The refusal names TagResources; without tags the call passes; nothing was made before."""
    making = _allow(f"{product.ram_code}:{action}")
    made.append(paper := _with(making))
    mover = Calls(paper, "main/mover")
    tagged = {**given, "Tag.1.Key": "hostlift", "Tag.1.Value": "m-1"}
    refused = mover.refused(product, action, **tagged)
    assert (refused.code, refused.status) == ("Forbidden.RAM", 403)
    assert refused.detail["AuthAction"] == f"{product.ram_code}:TagResources"
    message = json.loads(base64.b64decode(refused.detail["EncodedDiagnosticMessage"]))
    assert message["resource"] == f"acs:{resource.format('1234567890123456')}"
    assert paper.cloud.store.vpcs.all() == paper.cloud.store.disks.all() == []
    call = mover.vpc if product is Product.VPC else mover.ecs
    assert call(action, **given)
    more = _allow(f"{product.ram_code}:{action}", f"{product.ram_code}:TagResources")
    made.append(other := _with(more))
    call = (
        Calls(other, "main/mover").vpc if product is Product.VPC else Calls(other, "main/mover").ecs
    )
    assert call(action, **tagged)


@pytest.mark.parametrize("product", [Product.ECS, Product.VPC, Product.BSS, Product.QUOTAS])
def test_every_action_is_closed_to_who_has_no_permission(product: Product) -> None:
    """Whatever its parameters are; only who-am-I is free."""
    paper = _with()
    mover = Calls(paper, "main/mover")
    codes = set()
    for (of, name), found in ACTIONS.items():
        if of is not product or found.free:
            continue
        codes.add(mover.refused(product, name, **mandatory(found.request)).code)
    paper.close()
    assert codes == {"NotAuthorized" if product is Product.BSS else "Forbidden.RAM"}


def test_sub_users_may_be_kept_from_ordering(made: list[PaperCloud]) -> None:
    """Forbidden.SubUser, whatever RAM allows; the account itself may."""
    made.append(paper := _with("AdministratorAccess", sub_users_may_order=False))
    owner, mover = Calls(paper), Calls(paper, "main/mover")
    _, vswitch, group = owner.network()
    for action, given in (
        ("RunInstances", {"ImageId": "m", "VSwitchId": vswitch, "SecurityGroupId": group}),
        ("CreateDisk", {"ZoneId": "cn-hangzhou-h", "Size": 20}),
    ):
        refused = mover.refused(Product.ECS, action, **given)
        assert (refused.code, refused.status) == ("Forbidden.SubUser", 403)
    assert mover.vpc("CreateVpc")["VpcId"]
    assert owner.run(vswitch, group)
    assert {a.name for a in ACTIONS.values() if a.order is Order.MONEY} >= {
        "RunInstances",
        "CreateDisk",
        "AllocateEipAddress",
    }


def test_a_role_lends_its_permissions_until_they_expire(made: list[PaperCloud]) -> None:
    """Temporary keys, their token, their end."""
    role = {"name": "mover-role", "policies": ["AliyunVPCReadOnlyAccess"], "longest": 7200}
    made.append(paper := _with("AliyunSTSAssumeRoleAccess", roles=(role,)))
    mover = Calls(paper, "main/mover")
    assert mover.refused(Product.VPC, "DescribeVpcs").code == "Forbidden.RAM"
    lent = mover.assuming("mover-role")
    assert lent.vpc("DescribeVpcs")["TotalCount"] == 0
    refused = lent.refused(Product.VPC, "CreateVpc")
    assert refused.detail["AuthPrincipalType"] == "AssumedRoleUser"
    assert refused.detail["AuthPrincipalDisplayName"] == "mover-role:test"
    arn = lent.sts("GetCallerIdentity")["Arn"]
    assert arn == "acs:ram::1234567890123456:assumed-role/mover-role/test"
    paper.cloud.clock.sleep(3601)
    assert lent.refused(Product.STS, "GetCallerIdentity").code == "InvalidSecurityToken.Expired"
    longer = mover.assuming("mover-role", DurationSeconds=7200)
    paper.cloud.clock.sleep(3601)
    assert longer.vpc("DescribeVpcs")["TotalCount"] == 0


def test_a_session_policy_narrows_a_role(made: list[PaperCloud]) -> None:
    """Both must allow."""
    role = {"name": "r", "policies": ["AliyunVPCFullAccess"]}
    made.append(paper := _with("AliyunSTSAssumeRoleAccess", roles=(role,)))
    mover = Calls(paper, "main/mover")
    narrow = mover.assuming("r", Policy=json.dumps(_allow("vpc:Describe*", "ecs:*")))
    assert narrow.vpc("DescribeVpcs")["TotalCount"] == 0
    assert narrow.refused(Product.VPC, "CreateVpc").code == "Forbidden.RAM"
    assert narrow.refusal("DescribeInstances") == "Forbidden.RAM"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"RoleArn": "acs:ram::1234567890123456:role/nobody"}, "EntityNotExist.Role"),
        ({"RoleArn": "acs:ram::9999999999999999:role/r"}, "EntityNotExist.Role"),
        ({"RoleArn": "role/r"}, "InvalidParameter.RoleArn"),
        ({"RoleArn": "acs:ram::1234567890123456:role/strict"}, "NoPermission"),
        ({"RoleSessionName": "!"}, "InvalidParameter.RoleSessionName"),
        ({"DurationSeconds": 899}, "InvalidParameter.DurationSeconds"),
        ({"DurationSeconds": 3601}, "InvalidParameter.DurationSeconds"),
        ({"Policy": "{}"}, "InvalidParameter.PolicyGrammar"),
    ],
)
def test_assume_role_refuses_with_the_documented_code(
    made: list[PaperCloud], change: dict[str, Any], code: str
) -> None:
    """One wrong thing at a time; a trust policy that names others counts as one."""
    trust = {
        "Version": "1",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": "sts:AssumeRole",
                "Principal": {"RAM": "acs:ram::1234567890123456:user/somebody"},
            }
        ],
    }
    roles = ({"name": "r"}, {"name": "strict", "trust": trust})
    made.append(paper := _with("AliyunSTSAssumeRoleAccess", roles=roles))
    given = {"RoleArn": "acs:ram::1234567890123456:role/r", "RoleSessionName": "s1", **change}
    assert Calls(paper, "main/mover").refused(Product.STS, "AssumeRole", **given).code == code


def test_neither_an_account_nor_a_user_without_permission_assumes_a_role(
    made: list[PaperCloud],
) -> None:
    """STS says NoPermission, with the detail where a policy is missing."""
    made.append(paper := _with(roles=({"name": "r"},)))
    given = {"RoleArn": "acs:ram::1234567890123456:role/r", "RoleSessionName": "s1"}
    root = Calls(paper).refused(Product.STS, "AssumeRole", **given)
    user = Calls(paper, "main/mover").refused(Product.STS, "AssumeRole", **given)
    assert (root.code, user.code, user.status) == ("NoPermission", "NoPermission", 403)
    assert user.detail["AuthAction"] == "sts:AssumeRole"


def test_a_token_without_its_key_or_a_key_without_its_token_is_refused(
    made: list[PaperCloud],
) -> None:
    """Either way."""
    made.append(paper := _with("AliyunSTSAssumeRoleAccess", roles=({"name": "r"},)))
    lent = Calls(paper, "main/mover").assuming("r")
    assert lent.temporary is not None
    lent.temporary["SecurityToken"] = "other"
    code = lent.refused(Product.STS, "GetCallerIdentity").code
    assert code == "InvalidSecurityToken.MismatchWithAccessKey"
    lent.temporary["SecurityToken"] = ""
    code = lent.refused(Product.STS, "GetCallerIdentity").code
    assert code == "InvalidSecurityToken.MismatchWithAccessKey"


def test_a_date_in_a_policy_is_compared_with_the_clouds_clock(made: list[PaperCloud]) -> None:
    """acs:CurrentTime."""
    soon = to_second(1_800_000_000 + 60)
    until = {"DateLessThan": {"acs:CurrentTime": soon}}
    made.append(paper := _with(_allow("ecs:Describe*", Condition=until)))
    mover = Calls(paper, "main/mover")
    assert mover.ecs("DescribeInstances")["TotalCount"] == 0
    paper.cloud.clock.sleep(61)
    assert mover.refusal("DescribeInstances") == "Forbidden.RAM"
