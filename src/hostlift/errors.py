# SPDX-License-Identifier: Apache-2.0
"""Every error hostlift can end with, drawn as one tree.

    HostliftError
    ├── ConfigError            the user's files, flags or environment            exit 2
    ├── StateError             client_data / client_data.db cannot be used       exit 2
    ├── CheckBlocked           the source cannot be migrated as it is            exit 3
    ├── WaitingForUser         a confirmation is needed and nobody answered      exit 4
    ├── DeadlinePassed         something did not happen in time
    ├── Interrupted            Ctrl-C, SIGTERM: paused cleanly                   exit 130
    │   └── CostCeiling        so was it when the ceiling of cost was reached
    ├── HostError              this machine: process, mount, device
    │   ├── CommandFailed      a process ended with a failure
    │   └── ToolMissing        an external program is not installed
    ├── CloudError             an API call was refused (code, request id)
    │   ├── ResourceGone       a resource of ours no longer exists
    │   ├── OutOfStock         not sold there now; another zone or type may be
    │   └── NotPermitted       the caller lacks a permission (which)
    ├── RemoteError            the agent on the intermediate instance
    │   ├── AgentUnreachable   no connection
    │   └── AgentRefused       it answered with an error
    ├── ReplicationError       the copy
    │   ├── ProtocolError      bytes that are not our protocol
    │   ├── DigestMismatch     content that is not what was sent
    │   └── TargetLost         the target no longer holds what was acknowledged
    ├── FormatError            a file is damaged or of a kind that is not known
    ├── AdaptError             the copy could not be made bootable
    └── VerifyError            the result differs from the source

Each class says its stable ``code``, the process' exit status, whether trying again can help
(``Retry``) and an operator's hint; an instance adds what failed, on which object and why.
"""

from __future__ import annotations

from enum import Enum
from typing import ClassVar


class Retry(Enum):
    """Whether the same operation can succeed later."""

    NEVER = "never"
    RETRY = "retry"
    RESET = "reset"
    """Only after the object is made anew (reconnect, recreate the instance)."""


class HostliftError(Exception):
    """Base of all errors that are told to a person.

    Args:
        message: What failed and why, in one sentence.
        subject: The object it failed on (a key, a path, a resource id), if there is one.
        hint: What to do next; the class' own hint when empty.
    """

    code: ClassVar[str] = "internal"
    exit_status: ClassVar[int] = 1
    retry: Retry = Retry.NEVER
    default_hint: ClassVar[str] = "Rerun the same command: it continues where it stopped."

    def __init__(self, message: str, *, subject: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.subject = subject
        self.hint = hint or self.default_hint

    def __str__(self) -> str:
        return f"{self.subject}: {self.message}" if self.subject else self.message


class ConfigError(HostliftError):
    """A setting is missing, unknown or wrong; ``subject`` is the key."""

    code = "config"
    exit_status = 2
    default_hint = "Mend the named key and run the command again; nothing was changed."


class StateError(HostliftError):
    """The state folder or a state file cannot be read or written; ``subject`` is the file."""

    code = "state"
    exit_status = 2
    default_hint = "Make the state folder writable, with free space, and run the command again."


class CheckBlocked(HostliftError):
    """The checks found something that makes a migration impossible."""

    code = "check.blocked"
    exit_status = 3
    default_hint = "Follow the remedy of each finding, then run the command again."


class WaitingForUser(HostliftError):
    """A confirmation is needed before something that cannot be undone."""

    code = "confirm"
    exit_status = 4
    default_hint = "Answer at the prompt, or give --yes."


class Interrupted(HostliftError):
    """The user asked to stop; everything needed to continue is kept."""

    code = "interrupted"
    exit_status = 130
    default_hint = "Run the same command again to continue, or 'hostlift data clear' to give up."


class DeadlinePassed(HostliftError):
    """Something did not happen in time; ``subject`` is what."""

    code = "deadline"
    retry = Retry.RETRY


class CostCeiling(Interrupted):
    """The migration has cost as much as it may; everything needed to continue is kept."""

    code = "cost"
    default_hint = (
        "Raise max_cost (or give --max-cost) and run the same command again within two hours: the"
        " instance is released by itself then, and the copy would start over. 'hostlift data clear'"
        " gives everything back now."
    )


class HostError(HostliftError):
    """This machine refused something: a mount, a device, a file."""

    code = "host"


class CommandFailed(HostError):
    """A process ended with a failure.

    Args:
        argv: The command as run, secrets removed.
        status: Exit status; negative is the signal that ended it.
        output: The tail of what it printed.
    """

    code = "host.command"

    def __init__(self, argv: tuple[str, ...], status: int, output: str) -> None:
        why = output.strip().splitlines()[-1] if output.strip() else "no output"
        super().__init__(f"exit status {status}: {why}", subject=" ".join(argv))
        self.argv = argv
        self.status = status
        self.output = output


class ToolMissing(HostError):
    """An external program is not installed; ``subject`` is the program."""

    code = "host.tool"
    exit_status = 2
    default_hint = "Install the named program, then run the command again; nothing was changed."


class CloudError(HostliftError):
    """The cloud refused a call.

    Args:
        api_code: The ``Code`` of the answer, or a word of ours when there was none.
        action: The API action.
        request_id: The cloud's id of the request, for support tickets.
        retry: Whether the same call may succeed later; None: as the class has it.
    """

    code = "cloud"

    def __init__(
        self,
        message: str,
        *,
        api_code: str,
        action: str,
        request_id: str = "",
        retry: Retry | None = None,
        hint: str = "",
    ) -> None:
        super().__init__(message, subject=action, hint=hint)
        self.api_code = api_code
        self.action = action
        self.request_id = request_id
        if retry is not None:
            self.retry = retry

    def __str__(self) -> str:
        tail = f" [RequestId {self.request_id}]" if self.request_id else ""
        return f"{self.action} failed. ({self.api_code}: {self.message}){tail}"


class ResourceGone(CloudError):
    """A resource we made no longer exists."""

    code = "cloud.gone"
    retry = Retry.RESET


class OutOfStock(CloudError):
    """An instance type or disk category is not sold in a zone now."""

    code = "cloud.stock"
    default_hint = "Name another instance_type or zone_id, or rerun later."


class NotOffered(CloudError):
    """The cloud does not let this account do it in this way."""

    code = "cloud.not-offered"


class NotPermitted(CloudError):
    """The caller lacks a permission.

    Attributes:
        missing: The permissions that were or may be missing, ``ecs:RunInstances``.
    """

    code = "cloud.permission"
    default_hint = "Attach the policy that 'hostlift policy' prints to the RAM user, then rerun."
    missing: tuple[str, ...] = ()


class RemoteError(HostliftError):
    """The agent on the intermediate instance."""

    code = "agent"
    retry = Retry.RETRY


class AgentUnreachable(RemoteError):
    """No connection to the intermediate instance; ``subject`` is address:port."""

    code = "agent.unreachable"
    default_hint = (
        "Check that outbound tcp 8080 and 8703 to the intermediate instance are allowed and that"
        " it is running, then rerun."
    )


class AgentRefused(RemoteError):
    """The agent answered with an error.

    Args:
        agent_code: The ``code`` of the error on its side.
    """

    code = "agent.refused"
    retry = Retry.NEVER

    def __init__(
        self, message: str, *, subject: str = "", hint: str = "", agent_code: str = ""
    ) -> None:
        super().__init__(message, subject=subject, hint=hint)
        self.agent_code = agent_code


class ReplicationError(HostliftError):
    """The copy could not go on; ``subject`` is the object."""

    code = "replicate"
    retry = Retry.RETRY


class ProtocolError(ReplicationError):
    """The peer sent bytes that are not the protocol."""

    code = "replicate.protocol"
    retry = Retry.RESET


class DigestMismatch(ReplicationError):
    """Content arrived that is not what was sent."""

    code = "replicate.digest"


class TargetFull(ReplicationError):
    """A volume of the target has no room left; ``subject`` is its id."""

    code = "replicate.target-full"


class TargetLost(ReplicationError):
    """The target no longer holds what it acknowledged (new disk, new instance)."""

    code = "replicate.target-lost"
    retry = Retry.RESET


class FormatError(HostliftError):
    """A file is damaged, or of a kind that is not known; ``subject`` is the file or its format."""

    code = "format"
    default_hint = "Let the system that owns the file make it anew, then run the command again."


class AdaptError(HostliftError):
    """The copy could not be made bootable; ``subject`` is the adaptation."""

    code = "adapt"


class VerifyError(HostliftError):
    """The result differs from the source."""

    code = "verify"
