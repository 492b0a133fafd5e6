"""The pool of execution environments: warm ones are reused, stale ones retired."""

import contextlib
import os
import queue
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

from local.lambdas.environment import Environment, FunctionSpec, Host, Result
from local.lambdas.packages import PackageCache, managed_runtime
from local.lambdas.runtime_api import RuntimeApi
from local.stats import Stats

__all__ = ["LambdaRunner"]

_MOST_ENVIRONMENTS = 40  # beyond it the longest idle one is ended; busy ones are never refused
_MOST_STARTS = max(2, os.cpu_count() or 1)  # of one function at once: more would only start each slower
_ENOUGH = 2 * _MOST_STARTS  # environments of one function that keep this machine busy
_ENOUGH_BEHIND_API = _MOST_STARTS  # requests are short: more at once would each be slower
_STUCK_SECONDS = 0.25  # beyond that many, one more is started only if none became free for so long
_STUCK_BEHIND_API = 1.0  # a machine that halts for a moment is not helped by a start


@dataclass
class _Line:
    """The invocations of one function that wait for an environment.

    Attributes:
        waiting: the longest first.
        starting: environments that are on their way for them.
        moved: when one of them got an environment, or one was started for them.
    """

    waiting: "deque[queue.SimpleQueue[Environment | OSError]]" = field(default_factory=deque)
    starting: int = 0
    moved: float = 0.0


class LambdaRunner:
    """One subprocess per concurrent invocation of a function, as AWS has one environment.

    An invocation that finds none idle has one started, and takes whichever is there first: that one, or
    another that became free meanwhile. AWS would start as many as there are waiting; here each start takes
    half a second from those that are at work, so beyond a few they start only while none gets on.
    """

    def __init__(
        self, state_dir: Path, cache_dir: Path, variables: dict[str, str], stats: Stats, reuse_limit: int = 0
    ) -> None:
        logs = state_dir / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        self.packages = PackageCache(cache_dir / "packages")
        (cache_dir / "packages").mkdir(parents=True, exist_ok=True)
        # Children read this pipe and end when it closes; only the server holds the writing end.
        self._lifeline, self._held = os.pipe()
        runtime = managed_runtime(cache_dir / "runtime")
        self._host = Host(RuntimeApi(), runtime, logs, self._lifeline, variables)
        self._stats = stats
        self._reuse_limit = reuse_limit
        self._lock = threading.Lock()
        self._idle: list[Environment] = []
        self._busy: set[Environment] = set()
        self._starting: set[Environment] = set()
        self._lines: dict[tuple[str, str], _Line] = {}
        self._closed = False

    def invoke(self, spec: FunctionSpec, payload: bytes, request_id: str) -> Result:
        """Run the event in a warm environment, or in a new one."""
        environment = self._acquire(spec)
        cold = environment.uses == 0
        try:
            result = environment.invoke(payload, request_id)
        finally:
            self._release(environment)
        self._stats.count_invocation(spec.name, cold=cold, failed=result.failed)
        return result

    def _acquire(self, spec: FunctionSpec) -> Environment:
        with self._lock:
            warm = self._warm(spec)
            if warm is not None:
                self._busy.add(warm)
                return warm
            mine: queue.SimpleQueue[Environment | OSError] = queue.SimpleQueue()
            line = self._lines.setdefault((spec.arn, spec.fingerprint), _Line())
            line.waiting.append(mine)
            self._start_enough(spec, line)
        found: Environment | OSError | None = None
        while found is None:
            try:
                found = mine.get(timeout=_STUCK_SECONDS)
            except queue.Empty:
                with self._lock:
                    self._start_enough(spec, line)
        if isinstance(found, OSError):
            raise found
        return found

    def _warm(self, spec: FunctionSpec) -> Environment | None:
        """The function's idle environment that was used last; ends those of an older deploy."""
        for environment in list(reversed(self._idle)):
            if environment.spec.arn != spec.arn:
                continue
            if environment.spec.fingerprint == spec.fingerprint and environment.alive:
                self._idle.remove(environment)
                return environment
            self._retire(environment)
        return None

    def _start_enough(self, spec: FunctionSpec, line: _Line) -> None:
        enough, stuck = (
            (_ENOUGH_BEHIND_API, _STUCK_BEHIND_API) if spec.behind_api else (_ENOUGH, _STUCK_SECONDS)
        )
        while line.starting < min(len(line.waiting), _MOST_STARTS):
            now = time.monotonic()
            there = sum(one.spec.arn == spec.arn for group in (self._idle, self._busy) for one in group)
            if there + line.starting >= enough and now - line.moved < stuck:
                return
            line.moved = now
            line.starting += 1
            threading.Thread(
                target=self._start, args=(spec, line), name=f"start-{spec.name}", daemon=True
            ).start()

    def _start(self, spec: FunctionSpec, line: _Line) -> None:
        with self._lock:
            while self._idle and self._count() >= _MOST_ENVIRONMENTS:
                self._retire(min(self._idle, key=lambda environment: environment.last_used))
        try:
            started = Environment(spec, self._host)
        except OSError as error:  # no process to be had: whoever waits is told
            with self._lock:
                line.starting -= 1
                if line.waiting:
                    line.waiting.popleft().put(error)
            return
        with self._lock:
            self._starting.add(started)
        started.wait_for_init()
        with self._lock:
            line.starting -= 1
            self._starting.discard(started)
            self._offer(started)

    def _count(self) -> int:
        return len(self._idle) + len(self._busy) + len(self._starting)

    def _offer(self, environment: Environment) -> None:
        """To whom waits the longest; one whose start failed has to be told to somebody, or to nobody."""
        line = self._lines.setdefault((environment.spec.arn, environment.spec.fingerprint), _Line())
        if line.waiting and (environment.alive or environment.uses == 0):
            self._busy.add(environment)
            line.moved = time.monotonic()
            line.waiting.popleft().put(environment)
        elif environment.alive and not self._closed:
            self._idle.append(environment)
        else:
            environment.kill()
        self._start_enough(environment.spec, line)

    def _release(self, environment: Environment) -> None:
        with self._lock:
            self._busy.discard(environment)
            if self._reuse_limit and environment.uses >= self._reuse_limit:
                environment.kill()
            self._offer(environment)

    def _retire(self, environment: Environment) -> None:
        self._idle.remove(environment)
        environment.kill()

    def kill(self, function: str) -> int:
        """SIGKILL every environment of a function, idle or in the middle of a call."""
        with self._lock:
            idle = [environment for environment in self._idle if environment.spec.name == function]
            for environment in idle:
                self._idle.remove(environment)
            at_work = {*self._busy, *self._starting}
            busy = [environment for environment in at_work if environment.spec.name == function]
        for environment in [*idle, *busy]:
            environment.kill()
        return len(idle) + len(busy)

    def close(self) -> None:
        """End every environment and wait for it."""
        with self._lock:
            self._closed = True
            environments = [*self._idle, *self._busy, *self._starting]
            self._idle.clear()
        for environment in environments:
            environment.kill()
        for environment in environments:
            environment.wait_until_gone(2)
        with contextlib.suppress(OSError):
            os.close(self._held)
