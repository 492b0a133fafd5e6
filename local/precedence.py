"""HTTP APIs come first: on AWS their functions have machines of their own, here all share one.

While requests come in one after the other, what polls queues and streams waits, and so do schedules;
never for longer than `_MOST_SECONDS`, so nothing starves. Nothing that was begun is held up, so no
timeout is used up by this.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from ministack.services import lambda_svc, scheduler

__all__ = ["Precedence", "polls_give_way"]

_QUIET_SECONDS = 0.05  # without a request: whoever sends events one by one is not noticed
_MOST_SECONDS = 90.0
_LOOK_EVERY_SECONDS = 0.01


class Precedence:
    """Knows whether requests of HTTP APIs are under way. Requests are counted on one thread."""

    def __init__(self) -> None:
        self._under_way = 0
        self._last = 0.0

    @contextmanager
    def request(self) -> Iterator[None]:
        """One request of an HTTP API."""
        self._under_way += 1
        try:
            yield
        finally:
            self._under_way -= 1
            self._last = time.monotonic()

    def give_way(self) -> None:
        """Wait for a quiet moment, but not for long."""
        deadline = time.monotonic() + _MOST_SECONDS
        while (now := time.monotonic()) < deadline:
            if not self._under_way and now - self._last >= _QUIET_SECONDS:
                return
            time.sleep(_LOOK_EVERY_SECONDS)


def polls_give_way(precedence: Precedence) -> None:
    """Its poller takes as much of the machine as there is. `test_what_polls_gives_way_to_requests`."""
    polls, ticks = lambda_svc._poll_sqs, scheduler._tick_schedules

    def poll() -> bool:
        precedence.give_way()
        return bool(polls())

    def tick() -> None:
        precedence.give_way()
        ticks()

    lambda_svc._poll_sqs = poll
    scheduler._tick_schedules = tick
