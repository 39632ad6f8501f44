# SPDX-License-Identifier: Apache-2.0
"""What the cloud's error codes mean, what to do about them, and whether they pass by themselves.

Keyed on ``Code`` alone: HTTP status and message vary between services and languages. A pattern
ending in ``*`` matches by prefix; the longest match wins.
"""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass
from enum import Enum, auto
from http import HTTPStatus


class Handling(Enum):
    """Who waits, if waiting helps at all."""

    FATAL = auto()
    """Never passes without a person."""
    TRANSIENT = auto()
    """Passes in seconds: the gateway repeats the call itself."""
    LATER = auto()
    """Passes when something else has finished: the caller polls, minutes or longer."""
    GONE = auto()
    """The object does not exist."""
    DENIED = auto()
    """The account's user may not: a permission is missing."""
    SOLD_OUT = auto()
    """Not there now; another zone or type may be had."""


@dataclass(frozen=True, slots=True)
class Advice:
    """One line of the catalogue.

    Attributes:
        pattern: A code, or a prefix with ``*``.
        meaning: What happened, for a person; added to the cloud's own message.
        remedy: What to do next.
    """

    pattern: str
    handling: Handling
    meaning: str
    remedy: str = ""


_POLICY = "'hostlift policy' prints the smallest RAM policy; attach it to the RAM user and rerun."
_MONEY = (
    "Top up the account (Alibaba Cloud wants a balance of at least CNY 100 to create a"
    " pay-as-you-go instance) or raise the limit of the payment method, then rerun."
)
_KEYS = "Check access_id and secret_key (no blanks, not swapped, key not disabled), then rerun."
_CLOCK = "Set this machine's clock (for example 'chronyc makestep' or 'timedatectl set-ntp true')."
_QUOTA = "Delete what is no longer used, or raise the quota in the Quota Center, then rerun."
_STOCK = "Name another instance_type or zone_id, or rerun later."
_WAIT = "Nothing to do: it passes by itself; rerun if it does not within some minutes."
_REPORT = "Rerun; if it happens again, report it with the request id: hostlift sent a wrong call."
_REACH = (
    "Check the network, outbound tcp 443 to the endpoint, the proxy setting and region_id, then"
    " rerun."
)

# Words of ours for answers that carry no code.
UNREACHABLE = "Unreachable"
NO_ANSWER = "NoAnswer"
UNREADABLE = "UnreadableAnswer"
UNTRUSTED = "UntrustedEndpoint"
PROXY = "ProxyRefused"
NO_CREDENTIALS = "InvalidCredentials"
UNEXPECTED = "UnexpectedAnswer"

_FATAL, _TRANSIENT = Handling.FATAL, Handling.TRANSIENT
_LATER, _GONE, _SOLD_OUT = Handling.LATER, Handling.GONE, Handling.SOLD_OUT
_DENIED = Handling.DENIED

CATALOGUE: tuple[Advice, ...] = (
    # The way to the API
    Advice(UNREACHABLE, _TRANSIENT, "no connection to the API endpoint", _REACH),
    Advice(NO_ANSWER, _TRANSIENT, "the API did not answer in time", _REACH),
    Advice(UNREADABLE, _TRANSIENT, "the answer is not from the API", _REACH),
    Advice(
        UNTRUSTED,
        _FATAL,
        "the TLS certificate of the endpoint is not trusted",
        "Check this machine's clock and CA certificates, and that no proxy intercepts TLS.",
    ),
    Advice(PROXY, _TRANSIENT, "the proxy refused the connection", "Check the proxy setting."),
    Advice(UNEXPECTED, _FATAL, "the answer lacks what it must hold", _REPORT),
    # Load
    Advice("Throttling*", _TRANSIENT, "too many calls", _WAIT),
    Advice("ServiceUnavailable*", _TRANSIENT, "the service is briefly unavailable", _WAIT),
    Advice("InternalError*", _TRANSIENT, "the service failed", _WAIT),
    Advice("SystemBusy", _TRANSIENT, "the service is busy", _WAIT),
    Advice("ServiceIsStopping", _TRANSIENT, "the service is busy", _WAIT),
    # Idempotency
    Advice("IdempotentProcessing", _TRANSIENT, "an earlier try of this call still runs", _WAIT),
    Advice("LastTokenProcessing", _TRANSIENT, "an earlier try of this call still runs", _WAIT),
    Advice("TOKEN_PROCESSING", _TRANSIENT, "an earlier try of this call still runs", _WAIT),
    Advice("IdempotentParameterMismatch", _FATAL, "an earlier try had other parameters", _REPORT),
    Advice("IdempotenceParamNotMatch", _FATAL, "an earlier try had other parameters", _REPORT),
    Advice("InvalidParamter.Conflict", _FATAL, "an earlier try had other parameters", _REPORT),
    # Who we are
    Advice(
        NO_CREDENTIALS,
        _FATAL,
        "no AccessKey was found",
        "Set access_id and secret_key in user_config.json, or ALIBABA_CLOUD_ACCESS_KEY_ID and"
        " ALIBABA_CLOUD_ACCESS_KEY_SECRET, or run 'aliyun configure'.",
    ),
    Advice("InvalidAccessKeyId*", _FATAL, "the AccessKey ID is not known or disabled", _KEYS),
    Advice("InvalidAccessKeySecret", _FATAL, "the AccessKey secret is wrong", _KEYS),
    Advice("SignatureDoesNotMatch", _FATAL, "the AccessKey secret is wrong", _KEYS),
    Advice("IncompleteSignature", _FATAL, "the AccessKey secret is wrong or has blanks", _KEYS),
    Advice(
        "InvalidSecurityToken*",
        _FATAL,
        "the temporary credentials are wrong or have expired",
        "Get new temporary credentials and rerun.",
    ),
    Advice("SignatureNonceUsed", _TRANSIENT, "the request was seen before", _WAIT),
    Advice("IllegalTimestamp", _FATAL, "this machine's clock is wrong", _CLOCK),
    Advice("InvalidTimeStamp*", _FATAL, "this machine's clock is wrong", _CLOCK),
    # What we may do
    Advice("Forbidden.RAM", _DENIED, "the RAM user lacks a permission", _POLICY),
    Advice("NoPermission", _DENIED, "the RAM user lacks a permission", _POLICY),
    Advice("Forbidden.Unauthorized", _DENIED, "the RAM user lacks a permission", _POLICY),
    Advice("NotAuthorized", _DENIED, "the RAM user lacks a permission", _POLICY),
    Advice("UnauthorizedOperation", _DENIED, "the RAM user lacks a permission", _POLICY),
    Advice(
        "Forbidden.SubUser",
        _DENIED,
        "this RAM user or reseller's account may not order instances",
        "Use an AccessKey of the Alibaba Cloud account itself, or have its owner allow the RAM"
        " user to create pay-as-you-go instances.",
    ),
    Advice(
        "Forbidden.RiskControl",
        _FATAL,
        "Alibaba Cloud's risk control stopped the call",
        "Open a ticket with Alibaba Cloud and quote the request id.",
    ),
    Advice("InvalidUser.PassRoleForbidden", _FATAL, "the RAM user may not pass a role", _POLICY),
    Advice(
        "UserNotInTheWhiteList",
        _FATAL,
        "the account may not make an image's system disk from a data disk's snapshot",
        "Ask Alibaba Cloud by ticket to allow 'create image by data disk snapshot'; the copy and"
        " its snapshots are kept, so a rerun continues from there.",
    ),
    Advice(
        "RealNameAuthenticationError",
        _FATAL,
        "the account has no real-name verification",
        "Complete real-name verification in the account centre, then rerun.",
    ),
    # Money
    Advice("NotEnoughBalance", _FATAL, "the account's balance is too low", _MONEY),
    Advice("InvalidAccountStatus.NotEnoughBalance", _FATAL, "the balance is too low", _MONEY),
    Advice("InsufficientBalance*", _FATAL, "the account's balance is too low", _MONEY),
    Advice("Account.Arrearage", _FATAL, "the account owes money", _MONEY),
    Advice("InvalidPayMethod", _FATAL, "the account's payment method cannot be used", _MONEY),
    Advice(
        "InvalidAccountStatus.SnapshotServiceUnavailable",
        _FATAL,
        "the snapshot service is not activated",
        "Activate the snapshot service once in the ECS console (free of itself), then rerun.",
    ),
    # Quotas and stock
    Advice("QuotaExceed*", _FATAL, "a quota of the account is used up", _QUOTA),
    Advice(
        "QuotaExceeded.Vpc",
        _FATAL,
        "the region holds as many VPCs as the account may have",
        "Name an existing vpc_id and vswitch_id, delete an unused VPC, or raise the quota.",
    ),
    Advice("AuthorizationLimitExceed", _FATAL, "the security group holds too many rules", _QUOTA),
    Advice("OperationDenied.NoStock", _SOLD_OUT, "the instance type is sold out there", _STOCK),
    Advice("Zone.NotOnSale", _SOLD_OUT, "the zone sells nothing now", _STOCK),
    Advice("InvalidInstanceType*", _SOLD_OUT, "the instance type is not offered there", _STOCK),
    Advice("InvalidResourceType.NotSupported", _SOLD_OUT, "the type is not offered there", _STOCK),
    Advice("OperationDenied.ZoneSystemCategoryNotMatch", _SOLD_OUT, "disk type sold out", _STOCK),
    Advice("InvalidDiskCategory*", _SOLD_OUT, "the disk type is not offered there", _STOCK),
    Advice("InvalidSystemDiskCategory*", _SOLD_OUT, "the disk type is not offered there", _STOCK),
    Advice("InvalidDataDiskCategory*", _SOLD_OUT, "the disk type is not offered there", _STOCK),
    # Names and parameters
    Advice(
        "InvalidImageName.Duplicated",
        _FATAL,
        "an image of this name exists in the region",
        "Choose another image_name, or delete the old image.",
    ),
    Advice(
        "InvalidImageName*",
        _FATAL,
        "the image name breaks the rules",
        "image_name: 2 to 128 characters, a letter first, then letters, digits, ':', '_' or '-'.",
    ),
    Advice("InvalidRegionId*", _FATAL, "there is no such region", "Check region_id."),
    Advice("InvalidZoneId*", _FATAL, "there is no such zone in the region", "Check zone_id."),
    Advice("UnsupportedParameter", _FATAL, "a parameter was refused", _REPORT),
    Advice("InvalidUserData*", _FATAL, "the start-up script was refused", _REPORT),
    Advice("MissingParameter*", _FATAL, "the call lacks a parameter", _REPORT),
    Advice("InvalidParameter*", _FATAL, "a parameter was refused", _REPORT),
    # States that pass
    Advice("IncorrectInstanceStatus*", _LATER, "the instance is busy", _WAIT),
    Advice("InstanceNotReady", _LATER, "the instance is busy", _WAIT),
    Advice("IncorrectDiskStatus*", _LATER, "the disk cannot be captured yet", _WAIT),
    Advice("InvalidSnapshotId.NotReady", _LATER, "the snapshot is not finished", _WAIT),
    Advice("IncorrectSnapshotStatus*", _LATER, "the snapshot is not finished", _WAIT),
    Advice("IncorrectVpcStatus*", _TRANSIENT, "the VPC is busy", _WAIT),
    Advice("IncorrectVSwitchStatus*", _TRANSIENT, "the vSwitch is busy", _WAIT),
    Advice("IncorrectStatus*", _TRANSIENT, "the object is busy", _WAIT),
    Advice("InvalidVpcStatus*", _TRANSIENT, "the VPC is busy", _WAIT),
    Advice("InvalidStatus*", _TRANSIENT, "the object is busy", _WAIT),
    Advice("TaskConflict", _TRANSIENT, "another change of the VPC is under way", _WAIT),
    Advice("OperationConflict*", _TRANSIENT, "another change is under way", _WAIT),
    Advice("InvalidOperation.Conflict", _TRANSIENT, "another change is under way", _WAIT),
    Advice("OperationFailed.LastTokenProcessing", _TRANSIENT, "an earlier try runs", _WAIT),
    Advice("DependencyViolation*", _LATER, "something that uses it still exists", _WAIT),
    Advice("SnapshotCreatedImage", _LATER, "an image still uses the snapshot", _WAIT),
    Advice("ImageIsCreating", _LATER, "the image is still being made", _WAIT),
    Advice(
        "ImageUsingByInstance",
        _LATER,
        "an instance made from the image still exists",
        "Release the instances made from this image, then rerun.",
    ),
    Advice(
        "InvalidInstance.DeletionProtection",
        _FATAL,
        "the instance is protected against deletion",
        "Switch its deletion protection off in the ECS console, then rerun.",
    ),
    Advice("OperationDenied*", _FATAL, "the object's state or the account forbids it", ""),
    # Gone
    Advice("InvalidInstanceId.NotFound", _GONE, "the instance does not exist"),
    Advice("InvalidVpcId.NotFound", _GONE, "the VPC does not exist"),
    Advice("InvalidVpcID.NotFound", _GONE, "the VPC does not exist"),
    Advice("InvalidVSwitchId.NotFound", _GONE, "the vSwitch does not exist"),
    Advice("InvalidVswitchID.NotFound", _GONE, "the vSwitch does not exist"),
    Advice("InvalidSecurityGroupId.NotFound", _GONE, "the security group does not exist"),
    Advice("InvalidSecurityGroupId*", _FATAL, "the security group cannot be used there"),
    Advice("InvalidSnapshotId.NotFound", _GONE, "the snapshot does not exist"),
    Advice("InvalidImageId.NotFound", _GONE, "the image does not exist"),
    Advice("InvalidDiskId.NotFound", _GONE, "the disk does not exist"),
)

_SERVER_FAULT = Advice("5xx", _TRANSIENT, "the service failed", _WAIT)
_UNKNOWN = Advice(
    "", _FATAL, "", "Read the message; quote the request id to Alibaba Cloud's support."
)

MISMATCHES = frozenset(
    {"IdempotentParameterMismatch", "IdempotenceParamNotMatch", "InvalidParamter.Conflict"}
)


def advice(code: str, status: int = 0) -> Advice:
    """What to think of an answer with ``code``; unknown codes of a 5xx answer are transient."""
    fitting = [a for a in CATALOGUE if fnmatch.fnmatchcase(code.lower(), a.pattern.lower())]
    if fitting:
        return max(fitting, key=lambda a: len(a.pattern.rstrip("*")))
    return _SERVER_FAULT if status >= HTTPStatus.INTERNAL_SERVER_ERROR else _UNKNOWN
