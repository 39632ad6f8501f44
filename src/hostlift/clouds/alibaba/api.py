# SPDX-License-Identifier: Apache-2.0
"""The gateway: a typed request in, a typed answer out.

It repeats a call whose failure passes by itself, with full jitter, and turns every other failure
into a `CloudError` that says what to do. The same request is the same ``ClientToken`` at every
attempt; the transport makes a new nonce each time.

The API's listings and checks lag behind its creations by seconds: that something made a moment ago
is not found means that it is not known everywhere yet, so such a call is repeated as well.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, TypeVar

from hostlift.clouds.advice import Advice, Handling
from hostlift.clouds.alibaba.catalogue import advice
from hostlift.clouds.alibaba.codes import UNEXPECTED, UNREACHABLE
from hostlift.clouds.alibaba.records import Malformed
from hostlift.clouds.alibaba.requests.base import Paged, Request, parameters
from hostlift.clouds.alibaba.transport import Answer, Refused, Transport
from hostlift.errors import CloudError, NotOffered, NotPermitted, OutOfStock, ResourceGone, Retry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from hostlift.clouds.alibaba.actions import Action
    from hostlift.ports.clock import Clock

R = TypeVar("R")

ATTEMPTS = 8
ATTEMPTS_TO_REACH = 4
"""No connection at all: mostly a wrong setting, so tell soon."""
BASE_SECONDS = 0.5
LONGEST_SECONDS = 20.0

YOUNG_SECONDS = 60.0
"""For so long after a creation "not found" is not believed."""

_log = logging.getLogger(__name__)


class Api:
    """Calls in one region.

    Args:
        jitter: ``jitter(limit)`` gives a random number from 0 to ``limit``.
        away: It is not the region that the migration goes to.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        region: str,
        clock: Clock,
        jitter: Callable[[float], float],
        away: bool = False,
    ) -> None:
        self.region = region
        self.away = away
        self.clock = clock
        self._transport = transport
        self._jitter = jitter
        self._births: dict[str, float] = {}
        self._others: dict[str, Api] = {}

    def elsewhere(self, region: str) -> Api:
        """Calls in another region."""
        if region in {"", self.region}:
            return self
        if region not in self._others:
            self._others[region] = Api(
                self._transport.elsewhere(region),
                region=region,
                clock=self.clock,
                jitter=self._jitter,
                away=True,
            )
        return self._others[region]

    def born(self, name: str) -> None:
        """Something was made now."""
        self._births[name] = self.clock.monotonic()

    def buried(self, name: str) -> None:
        """Something was deleted: from now on "not found" is true."""
        self._births.pop(name, None)

    def is_young(self, name: str) -> bool:
        """Whether something was made so lately that the cloud may not show it yet."""
        born = self._births.get(name)
        return born is not None and self.clock.monotonic() - born < YOUNG_SECONDS

    def call(self, request: Request[R]) -> R:
        """Make a call.

        Raises:
            CloudError: It was refused, or failed too often.
            ResourceGone: It is about something that does not exist.
        """
        answer = self._send(request)
        try:
            return request.answer(answer.body)
        except Malformed as error:
            raise self._unexpected(request, error) from None

    def pages(self, request: Paged[R]) -> Iterator[R]:
        """The items of every page.

        Raises:
            CloudError: A call was refused, or failed too often.
        """
        seen = 0
        while True:
            page = self.call(request)
            yield from page.items
            seen += len(page.items)
            if not page.items or seen >= page.total:
                return
            request = request.next_page()

    def skew(self, request: Request[R]) -> float:
        """Seconds our clock is ahead of the cloud's, by the ``Date`` of an answer.

        The call itself fails when the clock is far off or the keys are wrong; an unsigned request
        tells the time all the same.

        Raises:
            CloudError: The endpoint cannot be reached.
        """
        try:
            began = self.clock.now()
            date = self._send(request).date
        except CloudError:
            date = None
        if date is None:
            began = self.clock.now()
            date = self._date(request)
        # The header has whole seconds, rounded down.
        return (began + self.clock.now()) / 2 - (date + 0.5)

    def _send(self, request: Request[R]) -> Answer:
        params = parameters(request, self.region)
        attempt = 0
        while True:
            try:
                return self._transport.call(request.action, params)
            except Refused as error:
                refused = error
            attempt += 1
            what = advice(refused.code, refused.status)
            if not self._passes(what, params) or attempt >= _attempts(refused):
                # Outside the handler: nothing of the failed attempt rides along as context.
                raise to_error(request.action, refused, what)
            self._pause(request, refused, attempt)

    def _passes(self, what: Advice, params: Mapping[str, str]) -> bool:
        if what.handling is not Handling.GONE:
            return what.handling is Handling.TRANSIENT
        about = [name for name in tuple(self._births) if any(name in v for v in params.values())]
        return any(self.is_young(name) for name in about)

    def _date(self, request: Request[R]) -> float:
        try:
            return self._transport.date()
        except Refused as error:
            refused = error
        raise to_error(request.action, refused, advice(refused.code, refused.status))

    def _pause(self, request: Request[R], refused: Refused, attempt: int) -> None:
        limit = min(LONGEST_SECONDS, BASE_SECONDS * 2.0 ** (attempt - 1))
        pause = max(self._jitter(limit), refused.retry_after)
        name = request.action.api_name
        _log.info("%s: %s, attempt %d; again in %.1f s", name, refused.code, attempt, pause)
        self.clock.sleep(pause)

    def _unexpected(self, request: Request[R], error: Malformed) -> CloudError:
        refused = Refused(UNEXPECTED, str(error))
        return to_error(request.action, refused, advice(UNEXPECTED))


def _attempts(refused: Refused) -> int:
    return ATTEMPTS_TO_REACH if refused.code == UNREACHABLE else ATTEMPTS


_KINDS: dict[Handling, type[CloudError]] = {
    Handling.GONE: ResourceGone,
    Handling.SOLD_OUT: OutOfStock,
    Handling.DENIED: NotPermitted,
    Handling.OTHER_WAY: NotOffered,
}


def to_error(action: Action, refused: Refused, what: Advice) -> CloudError:
    """The error a person sees."""
    kind = _KINDS.get(what.handling, CloudError)
    missing: tuple[str, ...] = ()
    hint = what.remedy
    if kind is NotPermitted:
        missing = (refused.missing,) if refused.missing else action.permissions
        word = "Missing permission" if refused.missing else "The call needs"
        hint = f"{word}: {', '.join(missing)}. {hint}"
    waiting = what.handling in {Handling.TRANSIENT, Handling.LATER}
    error = kind(
        f"{refused.message} ({what.meaning})" if what.meaning else refused.message,
        api_code=refused.code,
        action=action.api_name,
        request_id=refused.request_id,
        retry=Retry.RETRY if waiting else kind.retry,
        hint=hint,
    )
    if isinstance(error, NotPermitted):
        error.missing = missing
    return error
