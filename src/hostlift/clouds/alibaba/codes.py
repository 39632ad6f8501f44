# SPDX-License-Identifier: Apache-2.0
"""The error codes of ECS, VPC, STS and the billing API: meaning, remedy, handling.

Sources: the error tables of the API references and the troubleshooting pages of Alibaba's own
migration tools. ``QuotaExceed`` and ``QuotaExceeded`` both occur, and so do two spellings of most
codes for a wrong state: prefixes cover both.
"""

from __future__ import annotations

from hostlift.clouds.advice import Advice, Handling, Topic

# Words of ours for answers that carry no code.
UNREACHABLE = "Unreachable"
NO_ANSWER = "NoAnswer"
UNREADABLE = "UnreadableAnswer"
UNTRUSTED = "UntrustedEndpoint"
PROXY = "ProxyRefused"
NO_CREDENTIALS = "InvalidCredentials"
UNEXPECTED = "UnexpectedAnswer"

WAIT = "Nothing to do: it passes by itself; rerun if it does not within some minutes."
_POLICY = "'hostlift policy' prints the smallest RAM policy; attach it to the RAM user and rerun."
_MONEY = (
    "Top up the account (Alibaba Cloud wants a balance of at least CNY 100 to create a"
    " pay-as-you-go instance) or raise the limit of the payment method, then rerun."
)
_KEYS = "Check access_id and secret_key (no blanks, not swapped, key not disabled), then rerun."
_CLOCK = "Set this machine's clock (for example 'chronyc makestep' or 'timedatectl set-ntp true')."
_QUOTA = "Delete what is no longer used, or raise the quota in the Quota Center, then rerun."
_STOCK = "Name another instance_type or zone_id, or rerun later."
_REPORT = "Rerun; if it happens again, report it with the request id: hostlift sent a wrong call."
_REACH = (
    "Check the network, outbound tcp 443 to the endpoint, the proxy setting and region_id, then"
    " rerun."
)
_IDS = "Check that it exists in region_id and belongs to this account."
_STATE = "Look at the object in the ECS console; the message says what is in the way."
_RERUN = "Rerun: what is gone is made anew."

_FATAL, _DENIED, _SOLD_OUT = Handling.FATAL, Handling.DENIED, Handling.SOLD_OUT
_TRANSIENT, _LATER, _GONE = Handling.TRANSIENT, Handling.LATER, Handling.GONE

UNKNOWN = Advice(
    "", _FATAL, "", "Read the message; quote the request id to Alibaba Cloud's support."
)

_WAY = Topic(
    "The way to the API",
    (
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
        Advice("InvalidAction*", _FATAL, "the endpoint does not know the call", _REACH),
        Advice("InvalidVersion", _FATAL, "the endpoint does not know the API version", _REACH),
    ),
)
_LOAD = Topic(
    "Load",
    (
        Advice("Throttling*", _TRANSIENT, "too many calls", WAIT),
        Advice("ServiceUnavailable*", _TRANSIENT, "the service is briefly unavailable", WAIT),
        Advice("InternalError*", _TRANSIENT, "the service failed", WAIT),
        Advice("UnknownError*", _FATAL, "the service does not say why", _REPORT),
        Advice("SystemBusy", _TRANSIENT, "the service is busy", WAIT),
        Advice("ServiceIsStopping", _TRANSIENT, "the service is busy", WAIT),
        Advice("IdempotentProcessing", _TRANSIENT, "an earlier try of this call still runs", WAIT),
        Advice("LastTokenProcessing", _TRANSIENT, "an earlier try of this call still runs", WAIT),
        Advice("TOKEN_PROCESSING", _TRANSIENT, "an earlier try of this call still runs", WAIT),
        Advice("OperationFailed.LastTokenProcessing", _TRANSIENT, "an earlier try runs", WAIT),
        Advice(
            "IdempotentParameterMismatch", _FATAL, "an earlier try had other parameters", _REPORT
        ),
        Advice("IdempotenceParamNotMatch", _FATAL, "an earlier try had other parameters", _REPORT),
        Advice("InvalidParamter.Conflict", _FATAL, "an earlier try had other parameters", _REPORT),
    ),
)
_WHO = Topic(
    "Who we are",
    (
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
        Advice("SignatureNonceUsed", _TRANSIENT, "the request was seen before", WAIT),
        Advice("IllegalTimestamp", _FATAL, "this machine's clock is wrong", _CLOCK),
        Advice("InvalidTimeStamp*", _FATAL, "this machine's clock is wrong", _CLOCK),
    ),
)
_MAY = Topic(
    "What we may do",
    (
        Advice("Forbidden*", _FATAL, "the account's or the object's state forbids it", _STATE),
        Advice("Forbidden.RAM", _DENIED, "the RAM user lacks a permission", _POLICY),
        Advice("NoPermission*", _DENIED, "the RAM user lacks a permission", _POLICY),
        Advice("Forbidden.Unauthorized", _DENIED, "the RAM user lacks a permission", _POLICY),
        Advice("UnauthorizedOperation*", _DENIED, "the RAM user lacks a permission", _POLICY),
        Advice("NotAuthorized*", _DENIED, "the RAM user lacks a permission", _POLICY),
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
        Advice(
            "InvalidUser.PassRoleForbidden",
            _FATAL,
            "the RAM user may not pass a role to an instance",
            "hostlift gives its instances no role; report it with the request id.",
        ),
        Advice(
            "UserNotInTheWhiteList",
            Handling.OTHER_WAY,
            "the account may not make an image's system disk from a data disk's snapshot",
            "hostlift copies the system disk onto one that was a system disk before, and makes the"
            " image of that. A ticket with Alibaba Cloud ('create image by data disk snapshot')"
            " saves the detour.",
        ),
        Advice(
            "RealNameAuthenticationError",
            _FATAL,
            "the account has no real-name verification",
            "Complete real-name verification in the account centre, then rerun.",
        ),
        Advice("DryRunOperation", _FATAL, "the call was only tried and would have passed"),
    ),
)
_COST = Topic(
    "Money",
    (
        Advice("NotEnoughBalance", _FATAL, "the account's balance is too low", _MONEY),
        Advice("InvalidAccountStatus.NotEnoughBalance", _FATAL, "the balance is too low", _MONEY),
        Advice("InsufficientBalance*", _FATAL, "the account's balance is too low", _MONEY),
        Advice("Account.Arrearage", _FATAL, "the account owes money", _MONEY),
        Advice("InvalidPayMethod", _FATAL, "the account's payment method cannot be used", _MONEY),
        Advice("InvalidAccountStatus*", _FATAL, "the account is not in order", _MONEY),
        Advice(
            "InvalidAccountStatus.SnapshotServiceUnavailable",
            _FATAL,
            "the snapshot service is not activated",
            "Activate the snapshot service once in the ECS console (free of itself), then rerun.",
        ),
    ),
)
_LIMITS = Topic(
    "Quotas and stock",
    (
        Advice("QuotaExceed*", _FATAL, "a quota of the account is used up", _QUOTA),
        Advice(
            "QuotaExceeded.Vpc",
            _FATAL,
            "the region holds as many VPCs as the account may have",
            "Name an existing vpc_id, delete an unused VPC, or raise the quota.",
        ),
        Advice(
            "QuotaExceed.ElasticQuota",
            _SOLD_OUT,
            "the account may run no more processors of this type",
            _QUOTA,
        ),
        Advice(
            "QuotaExceeded.PrivateIpAddress",
            _FATAL,
            "the vSwitch has no free address",
            "Name another vswitch_id, or leave it empty.",
        ),
        Advice("AuthorizationLimitExceed", _FATAL, "the security group has too many rules", _QUOTA),
        Advice("InstanceDiskLimitExceeded", _FATAL, "the instance has too many disks", _REPORT),
        Advice("InstanceDiskNumLimitExceed", _FATAL, "the instance has too many disks", _REPORT),
        Advice("NumberExceed*", _FATAL, "too many objects in one call", _REPORT),
        Advice("OperationDenied.NoStock", _SOLD_OUT, "the type is sold out there", _STOCK),
        Advice("Zone.NotOnSale", _SOLD_OUT, "the zone sells nothing now", _STOCK),
        Advice("Zone.NotOpen", _SOLD_OUT, "the zone sells nothing now", _STOCK),
        Advice("InsufficientInventory*", _SOLD_OUT, "sold out there", _STOCK),
        Advice("InvalidInstanceType*", _SOLD_OUT, "the type is not offered there", _STOCK),
        Advice("InvalidResourceType*", _SOLD_OUT, "the type is not offered there", _STOCK),
        Advice(
            "OperationDenied.ZoneSystemCategoryNotMatch", _SOLD_OUT, "disk type sold out", _STOCK
        ),
        Advice("OperationDenied.ZoneDataCategoryNotMatch", _SOLD_OUT, "disk sold out", _STOCK),
        Advice("InvalidDiskCategory*", _SOLD_OUT, "the disk type is not offered there", _STOCK),
        Advice("InvalidSystemDiskCategory*", _SOLD_OUT, "disk type not offered there", _STOCK),
        Advice("InvalidDataDiskCategory*", _SOLD_OUT, "disk type not offered there", _STOCK),
    ),
)
_VALUES = Topic(
    "Names and values",
    (
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
            "image_name: 2 to 128 characters, a letter first, then letters, digits, '.', ':', '_'"
            " or '-'.",
        ),
        Advice("InvalidRegionId*", _FATAL, "there is no such region", "Check region_id."),
        Advice("InvalidRegionId.Duplicated", _FATAL, "the image is there already", _REPORT),
        Advice("InvalidZoneId*", _FATAL, "there is no such zone in the region", "Check zone_id."),
        Advice("InvalidPlatform*", _FATAL, "the cloud does not know this platform", "Set platform."),
        Advice("InvalidAccount*", _FATAL, "an account number is wrong", "Check share_with."),
        Advice(
            "InvalidSystemDiskSize*",
            _FATAL,
            "the size of the system disk is not possible",
            "system_disk_size: 20 to 2048 GiB, and no smaller than the image.",
        ),
        Advice("InvalidDiskSize*", _FATAL, "the size of a disk is not possible", "Check the sizes."),
        Advice("InvalidDataDiskSize*", _FATAL, "the size of a data disk is not possible",
               "data_disk_size: 20 to 32768 GiB."),
        Advice("InvalidCidrBlock*", _FATAL, "the address range is taken or not allowed",
               "Name an existing vswitch_id."),
        Advice("VSwitchIdVpcId.Mismatch", _FATAL, "the vSwitch is not in that VPC", _IDS),
        Advice("InvalidVSwitchId*", _FATAL, "the vSwitch cannot be used there", _IDS),
        Advice("InvalidSecurityGroupId*", _FATAL, "the security group cannot be used there", _IDS),
        Advice("InvalidSecurityGroup.*", _FATAL, "the security group cannot be used there", _IDS),
        Advice("InvalidInstance.AlreadyHasIp", _FATAL, "the instance has an address", _REPORT),
        Advice("InvalidSnapshotId.NotDataDiskSnapshot", _FATAL, "it shows a system disk", _REPORT),
        Advice("DiskNotPortable", _FATAL, "the disk belongs to its instance for good", _REPORT),
        Advice("ResourcesNotInSameZone", _FATAL, "disk and instance are in two zones", _REPORT),
        Advice("InvalidUserData*", _FATAL, "the start-up script was refused", _REPORT),
        Advice("UnsupportedParameter", _FATAL, "a parameter was refused", _REPORT),
        Advice("MissingParameter*", _FATAL, "the call lacks a parameter", _REPORT),
        Advice("EntityNotExist*", _FATAL, "the role or user does not exist", "Check the role."),
        Advice("QUOTA.NOT.FOUND", _FATAL, "the quota does not exist", _REPORT),
        Advice("PRODUCT.NOT.FOUND", _FATAL, "the product has no quotas there", _REPORT),
        Advice("ImageCreatedNotFromCopy", _FATAL, "the image is no copy of another", _REPORT),
        Advice("InstanceLastSecurityGroup", _FATAL, "it is the instance's only group", _REPORT),
        Advice("InstanceNotInSecurityGroup", _FATAL, "the instance is not in the group", _REPORT),
        Advice("Duplicate*", _FATAL, "a value occurs twice", _REPORT),
        Advice("Invalid*", _FATAL, "a value of the call was refused", _REPORT),
    ),
)  # fmt: skip
_STATES = Topic(
    "States that pass",
    (
        Advice("IncorrectInstanceStatus*", _LATER, "the instance is busy", WAIT),
        Advice("InstanceNotReady", _LATER, "the instance is busy", WAIT),
        Advice("IncorrectDiskStatus*", _LATER, "the disk cannot be captured yet", WAIT),
        Advice(
            "DiskId.ValueNotSupported",
            _FATAL,
            "the disk was not the system disk of that instance",
            "Run the same command again: it looks at every disk anew.",
        ),
        Advice("DiskCreatingSnapshot", _LATER, "a snapshot of the disk is being made", WAIT),
        Advice("InvalidSnapshotId.NotReady", _LATER, "the snapshot is not finished", WAIT),
        Advice("IncorrectSnapshotStatus*", _LATER, "the snapshot is not finished", WAIT),
        Advice("IncorrectImageStatus*", _LATER, "the image is not finished", WAIT),
        Advice("OperationDenied.ImageNotValid", _LATER, "the image is not finished", WAIT),
        Advice("IncorrectEipStatus*", _LATER, "the elastic address is busy", WAIT),
        Advice("InvalidEipStatus*", _LATER, "the elastic address is busy", WAIT),
        Advice("IncorrectVpcStatus*", _TRANSIENT, "the VPC is busy", WAIT),
        Advice("IncorrectVSwitchStatus*", _TRANSIENT, "the vSwitch is busy", WAIT),
        Advice("IncorrectStatus*", _TRANSIENT, "the object is busy", WAIT),
        Advice("InvalidVpcStatus*", _TRANSIENT, "the VPC is busy", WAIT),
        Advice("InvalidStatus*", _TRANSIENT, "the object is busy", WAIT),
        Advice("TaskConflict", _TRANSIENT, "another change of the VPC is under way", WAIT),
        Advice("OperationConflict*", _TRANSIENT, "another change is under way", WAIT),
        Advice("InvalidOperation.Conflict", _TRANSIENT, "another change is under way", WAIT),
        Advice("DependencyViolation*", _LATER, "something that uses it still exists", WAIT),
        Advice("SnapshotCreatedImage", _LATER, "an image still uses the snapshot", WAIT),
        Advice("SnapshotCreatedDisk", _LATER, "a disk still stems from the snapshot", WAIT),
        Advice("ImageIsCreating", _LATER, "the image is still being made", WAIT),
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
        Advice(
            "InvalidOperation.DeletionProtection",
            _FATAL,
            "the instance is protected against deletion",
            "Switch its deletion protection off in the ECS console, then rerun.",
        ),
        Advice(
            "OperationDenied*",
            _FATAL,
            "the object's state or the account forbids it",
            _STATE,
        ),
    ),
)
_LOST = Topic(
    "Gone",
    tuple(
        Advice(code, _GONE, f"the {what} does not exist", _RERUN)
        for code, what in (
            ("InvalidInstanceId.NotFound", "instance"),
            ("InvalidVpcId.NotFound", "VPC"),
            ("InvalidVSwitchId.NotFound", "vSwitch"),
            ("InvalidSecurityGroupId.NotFound", "security group"),
            ("InvalidSnapshotId.NotFound", "snapshot"),
            ("InvalidImageId.NotFound", "image"),
            ("InvalidDiskId.NotFound", "disk"),
            ("InvalidAllocationId.NotFound", "elastic address"),
            ("InvalidAssociation.NotFound", "tie between address and instance"),
        )
    ),
)

TOPICS = (_WAY, _LOAD, _WHO, _MAY, _COST, _LIMITS, _VALUES, _STATES, _LOST)
