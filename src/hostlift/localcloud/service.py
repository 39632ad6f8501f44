# SPDX-License-Identifier: Apache-2.0
"""A request in, an answer out: verify, read, remember, act, log. No sockets."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from threading import Lock

from hostlift.errors import HostError
from hostlift.localcloud.actions.base import check_region
from hostlift.localcloud.actions.registry import ACTIONS, Action, Context
from hostlift.localcloud.ids import new_request_id
from hostlift.localcloud.requestlog import RequestLog
from hostlift.localcloud.state.records import Remembered
from hostlift.localcloud.wire.answer import Answer, Body, failure, success
from hostlift.localcloud.wire.errors import ApiError, conflict
from hostlift.localcloud.wire.gate import Gate, Key
from hostlift.localcloud.wire.message import PROTOCOL, Call, HttpRequest, read_call
from hostlift.localcloud.wire.parameters import Request, read_request
from hostlift.localcloud.world import World

_TOKEN_LENGTH = 64


class Service:
    """The API of one cloud. Safe to call from many threads."""

    def __init__(self, cloud: World, log: RequestLog) -> None:
        self._cloud = cloud
        self._log = log
        self._gate = Gate(cloud.find_key, cloud.clock.now)
        self._lock = Lock()
        self._faults = list(cloud.settings.faults)

    def handle(self, request: HttpRequest) -> Answer:
        """Answer one request; never raises for what a client can cause."""
        began = self._cloud.clock.monotonic()
        request_id = new_request_id()
        host = request.headers.get("host", "localhost")
        action, parameters, xml = "", {}, False
        try:
            parameters = request.parameters
            xml = parameters.get("Format", "").upper() == "XML"
            call = read_call(request)
            action = call.action
            key = self._gate.admit(request)
            body = self._answer(call, key)
            answer = success(body, action=action, request_id=request_id, xml=xml)
        except ApiError as error:
            answer = failure(error, host=host, request_id=request_id, xml=xml)
        except HostError as error:
            internal = ApiError("InternalError", f"The embedded cloud failed: {error}", 500)
            answer = failure(internal, host=host, request_id=request_id, xml=xml)
        elapsed = self._cloud.clock.monotonic() - began
        self._log.request(
            method=request.method,
            action=action,
            parameters=parameters,
            answer=answer,
            request_id=request_id,
            milliseconds=elapsed * 1000,
        )
        return answer

    def _answer(self, call: Call, key: Key) -> Body:
        action = ACTIONS.get((call.product, call.action))
        if action is None:
            raise ApiError(
                "InvalidAction.NotFound",
                f"Specified api is not found, please check your url and method: {call.action}.",
                404,
            )
        self._inject(call.action)
        ask = read_request(action.request, call.parameters)
        region = getattr(ask, "RegionId", "")
        if region:
            check_region(region)
        context = Context(self._cloud, key, call.product)
        with self._cloud.store.change():
            body = self._once(context, action, ask, call)
            if getattr(ask, "DryRun", False):
                raise ApiError(
                    "DryRunOperation", "Request validation has been passed with DryRun flag set."
                )
        for job, delay in context.jobs:
            self._cloud.jobs.add(job, delay)
        return body

    def _once(self, context: Context, action: Action, ask: Request, call: Call) -> Body:
        """The same ClientToken gives the same answer, and never a second resource."""
        token = getattr(ask, "ClientToken", "")
        if not token:
            return action.answer(context, ask)
        if len(token) > _TOKEN_LENGTH or not token.isascii():
            raise ApiError("InvalidClientToken.ValueNotSupported", "clienttoken is not valid.")
        key = f"{context.caller.access_key_id} {call.product.name} {call.action} {token}"
        digest = _digest(call)
        known = self._cloud.store.remembered.get(key)
        if known is not None and known.digest != digest:
            raise conflict(
                "IdempotentParameterMismatch",
                "The specified clientToken is used with other parameters.",
            )
        if known is not None:
            answer: Body = json.loads(known.answer)
            return answer
        body = action.answer(context, ask)
        self._cloud.store.remembered.put(
            Remembered(id=key, created=context.now, digest=digest, answer=json.dumps(body))
        )
        return body

    def _inject(self, action: str) -> None:
        with self._lock:
            for number, fault in enumerate(self._faults):
                if fault.action == action and fault.times > 0:
                    self._faults[number] = replace(fault, times=fault.times - 1)
                    raise ApiError(fault.code, fault.message, fault.status)


def _digest(call: Call) -> str:
    aside = PROTOCOL | {"ClientToken", "DryRun"}
    own = sorted((k, v) for k, v in call.parameters.items() if k not in aside)
    return hashlib.sha256(json.dumps(own).encode()).hexdigest()
