"""HTTP APIs come first: on AWS their functions have machines of their own, here all share one.

While requests come in one after the other, what polls queues and streams waits; never for longer than
`_MOST_SECONDS`, so nothing starves. Nothing that was begun is held up, so no timeout is used up by this.
"""

import asyncio
import contextvars
import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ministack.services import apigateway, lambda_svc, sqs

__all__ = ["Precedence", "install"]

_QUIET_SECONDS = 0.05  # without a request: whoever sends events one by one is not noticed
_MOST_SECONDS = 10.0
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


class _Threads:
    """Threads that are kept, as many as there are calls at once: none can lack one."""

    def __init__(self) -> None:
        self._idle: list[queue.SimpleQueue[Callable[[], None]]] = []

    async def run(self, function: Callable[..., Any], *args: Any, thread_name: str = "") -> Any:
        """As ministack's `run_reentrant`, which starts a thread for each call."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Any] = loop.create_future()
        context = contextvars.copy_context()

        def settle(result: Any, error: BaseException | None) -> None:
            if answer.cancelled():
                return
            if error is None:
                answer.set_result(result)
            else:
                answer.set_exception(error)

        def work() -> None:
            try:
                result, error = context.run(function, *args), None
            except Exception as raised:  # noqa: BLE001 - the caller gets it
                result, error = None, raised
            loop.call_soon_threadsafe(settle, result, error)

        try:
            inbox = self._idle.pop()
        except IndexError:
            inbox = queue.SimpleQueue()
            threading.Thread(target=self._serve, args=(inbox,), name=thread_name, daemon=True).start()
        inbox.put(work)
        return await answer

    def _serve(self, inbox: "queue.SimpleQueue[Callable[[], None]]") -> None:
        while True:
            inbox.get()()
            self._idle.append(inbox)


def install(precedence: Precedence) -> None:
    """Put it into ministack."""
    polls_give_way(precedence)
    keep_threads_of_api_calls()
    forget_duplicates_in_turn()


def polls_give_way(precedence: Precedence) -> None:
    """Its poller takes as much of the machine as there is. `test_what_polls_gives_way_to_requests`."""
    theirs = lambda_svc._poll_sqs

    def poll() -> bool:
        precedence.give_way()
        return bool(theirs())

    lambda_svc._poll_sqs = poll


def keep_threads_of_api_calls() -> None:
    """A new thread per call takes the event loop half a millisecond (speed; `python -m bench load`)."""
    apigateway.run_reentrant = _Threads().run


def forget_duplicates_in_turn() -> None:
    """Each send copies all ids of five minutes. `test_a_queue_forgets_ids_after_their_five_minutes`."""

    def prune(queue_: dict[str, Any]) -> None:
        known, now = queue_["dedup_cache"], time.time()
        while known:
            oldest = next(iter(known))  # they all last equally long
            if known[oldest]["expire"] > now:
                return
            del known[oldest]

    sqs._prune_dedup = prune
