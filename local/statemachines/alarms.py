"""Deadlines of whole executions, watched by one thread."""

import contextlib
import heapq
import itertools
import threading
import time
from collections.abc import Iterator
from typing import Any

__all__ = ["Alarms"]


_SPARE = 1000


class Alarms:
    """Times programs out. An environment says by `when_timed_out` who must hear of it."""

    def __init__(self) -> None:
        self._due: list[tuple[float, int]] = []
        self._waiting: dict[int, Any] = {}
        self._changed = threading.Condition()
        self._numbers = itertools.count()
        self._watch: threading.Thread | None = None

    @contextlib.contextmanager
    def after(self, seconds: float | None, env: Any) -> Iterator[None]:
        """While the body runs: time the environment out so many seconds from now; None: never."""
        if not seconds:
            yield
            return
        number = self._set(time.monotonic() + seconds, env)
        try:
            yield
        finally:
            self._forget(number)

    def _set(self, due: float, env: Any) -> int:
        with self._changed:
            number = next(self._numbers)
            self._waiting[number] = env
            heapq.heappush(self._due, (due, number))
            if self._watch is None:
                self._watch = threading.Thread(target=self._run, name="alarms", daemon=True)
                self._watch.start()
            if self._due[0][1] == number:
                self._changed.notify()
            return number

    def _forget(self, number: int) -> None:
        with self._changed:
            self._waiting.pop(number, None)
            if len(self._due) > 2 * len(self._waiting) + _SPARE:
                self._due = [each for each in self._due if each[1] in self._waiting]
                heapq.heapify(self._due)

    def _run(self) -> None:
        while True:
            env = self._next()
            env.set_timed_out()
            env.when_timed_out()

    def _next(self) -> Any:
        with self._changed:
            while True:
                if not self._due:
                    self._changed.wait()
                    continue
                left = self._due[0][0] - time.monotonic()
                if left > 0 and self._due[0][1] in self._waiting:
                    self._changed.wait(left)
                    continue
                env = self._waiting.pop(heapq.heappop(self._due)[1], None)
                if env is not None:
                    return env
