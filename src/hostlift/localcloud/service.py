# SPDX-License-Identifier: Apache-2.0
"""A request in, an answer out: verify, let faults strike, answer, log. No sockets."""

from __future__ import annotations

from dataclasses import dataclass, field

from hostlift.errors import HostError
from hostlift.localcloud.actions import dispatch
from hostlift.localcloud.actions.dispatch import Asked
from hostlift.localcloud.faults.kinds import Fault, FaultKind, Moment
from hostlift.localcloud.ids import new_request_id
from hostlift.localcloud.requestlog import Entry, RequestLog
from hostlift.localcloud.wire.answer import Answer, bad_gateway, failure, success
from hostlift.localcloud.wire.errors import ApiError
from hostlift.localcloud.wire.gate import Gate, Key
from hostlift.localcloud.wire.message import Call, HttpRequest, read_call
from hostlift.localcloud.world import World


@dataclass(slots=True)
class _Handling:
    """A request on its way through; filled as it becomes known."""

    request: HttpRequest
    request_id: str = field(default_factory=new_request_id)
    call: Call | None = None
    key: Key | None = None
    faults: tuple[Fault, ...] = ()

    @property
    def xml(self) -> bool:
        """It asks for XML."""
        return self.call is not None and self.call.parameters.get("Format", "").upper() == "XML"

    def fault(self, *kinds: FaultKind) -> Fault | None:
        """A fault of one of these kinds that strikes it."""
        return next((f for f in self.faults if f.kind in kinds), None)


class Service:
    """The API of one cloud. Safe to call from many threads."""

    def __init__(self, cloud: World, log: RequestLog) -> None:
        self._cloud = cloud
        self._log = log
        self._gate = Gate(cloud.find_key, cloud.clock.now)

    def handle(self, request: HttpRequest) -> Answer:
        """Answer one request; never raises for what a client can cause."""
        began = self._cloud.clock.monotonic()
        handling = _Handling(request)
        answer = self._answer(handling)
        elapsed = self._cloud.clock.monotonic() - began
        self._log.request(self._entry(handling, answer, elapsed))
        return answer

    def _answer(self, handling: _Handling) -> Answer:
        try:
            answer = self._let_in(handling)
        except ApiError as error:
            answer = self._refused(handling, error)
        except HostError as error:
            internal = ApiError("InternalError", f"The embedded cloud failed: {error}", 500)
            answer = self._refused(handling, internal)
        return answer.but_lost() if handling.fault(FaultKind.LOST_REPLY) else answer

    def _let_in(self, handling: _Handling) -> Answer:
        call = handling.call = read_call(handling.request)
        key = handling.key = self._gate.admit(handling.request)
        dispatch.find_action(call)
        account = self._cloud.accounts.get(key.principal.account)
        handling.faults = self._cloud.faults.strike(
            call.product.name.lower(), call.action, account.name if account else ""
        )
        if handling.fault(FaultKind.BAD_GATEWAY):
            return bad_gateway()
        if silence := handling.fault(FaultKind.NO_ANSWER):
            return Answer(0, "", b"").but_lost(silence.seconds)
        _refuse(handling.faults)
        asked = Asked(call, key, handling.request.source, handling.faults)
        body = dispatch.answer(self._cloud, asked)
        return success(body, action=call.action, request_id=handling.request_id, xml=handling.xml)

    def _refused(self, handling: _Handling, error: ApiError) -> Answer:
        host = handling.request.headers.get("host", "localhost")
        return failure(error, host=host, request_id=handling.request_id, xml=handling.xml)

    def _entry(self, handling: _Handling, answer: Answer, elapsed: float) -> Entry:
        who = handling.key.principal if handling.key else None
        account = self._cloud.accounts.get(who.account) if who else None
        return Entry(
            method=handling.request.method,
            product=handling.call.product.name.lower() if handling.call else "",
            action=handling.call.action if handling.call else "",
            parameters=handling.call.parameters if handling.call else {},
            account=account.name if account else "",
            caller=who.title if who else "",
            answer=answer,
            request_id=handling.request_id,
            milliseconds=elapsed * 1000,
            faults=tuple(f.kind.value for f in handling.faults),
        )


def _refuse(faults: tuple[Fault, ...]) -> None:
    """Raise the first refusal among the faults that strike."""
    for fault in faults:
        nature = fault.nature
        if nature.moment is not Moment.BEFORE or not nature.code:
            continue
        retry_after = fault.seconds if fault.kind is FaultKind.THROTTLE else 0.0
        raise ApiError(
            fault.code or nature.code,
            fault.message or nature.message or "An injected fault.",
            fault.status or nature.status,
            retry_after=retry_after,
        )
