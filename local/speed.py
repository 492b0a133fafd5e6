"""What ministack does anew each time and need not (all found with `python -m bench --only load`)."""

import asyncio
import contextvars
import queue
import threading
import time
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from ministack.services import apigateway, dynamodb, sqs

__all__ = ["install"]

_CONDITIONS = 1_000  # texts of conditions; nightshift has about a hundred


def install() -> None:
    """Put it into ministack."""
    keep_threads_of_api_calls()
    forget_duplicates_in_turn()
    read_conditions_once()


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


def read_conditions_once() -> None:
    """A query reads its condition for each item of the partition. `test_a_condition_is_read_once`."""
    dynamodb._tokenize = lru_cache(_CONDITIONS)(dynamodb._tokenize)
    dynamodb._condition_syntax_error = lru_cache(_CONDITIONS)(dynamodb._condition_syntax_error)
