"""The pool of execution environments: warm ones are reused, stale ones retired."""

import contextlib
import os
import threading
from pathlib import Path

from local.lambdas.environment import Environment, FunctionSpec, Host, Result
from local.lambdas.packages import PackageCache, managed_runtime
from local.lambdas.runtime_api import RuntimeApi
from local.stats import Stats

__all__ = ["LambdaRunner"]

_MOST_ENVIRONMENTS = 40  # beyond it the longest idle one is ended; busy ones are never refused


class LambdaRunner:
    """One subprocess per concurrent invocation of a function, as AWS has one environment."""

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
        self._closed = False

    def invoke(self, spec: FunctionSpec, payload: bytes, request_id: str) -> Result:
        """Run the event in a warm environment, or in a new one."""
        environment, cold = self._acquire(spec)
        try:
            result = environment.invoke(payload, request_id)
        finally:
            self._release(environment)
        self._stats.count_invocation(spec.name, cold=cold, failed=result.failed)
        return result

    def _acquire(self, spec: FunctionSpec) -> tuple[Environment, bool]:
        with self._lock:
            found: Environment | None = None
            for environment in list(reversed(self._idle)):
                if environment.spec.arn != spec.arn:
                    continue
                if environment.spec.fingerprint == spec.fingerprint and environment.alive:
                    found = environment
                    break
                self._retire(environment)
            if found:
                self._idle.remove(found)
                self._busy.add(found)
                return found, False
            while self._idle and len(self._idle) + len(self._busy) >= _MOST_ENVIRONMENTS:
                self._retire(min(self._idle, key=lambda environment: environment.last_used))
        started = Environment(spec, self._host)
        with self._lock:
            self._busy.add(started)
        return started, True

    def _release(self, environment: Environment) -> None:
        with self._lock:
            self._busy.discard(environment)
            worn_out = self._reuse_limit and environment.uses >= self._reuse_limit
            if worn_out or self._closed or not environment.alive:
                environment.kill()
            else:
                self._idle.append(environment)

    def _retire(self, environment: Environment) -> None:
        self._idle.remove(environment)
        environment.kill()

    def kill(self, function: str) -> int:
        """SIGKILL every environment of a function, idle or in the middle of a call."""
        with self._lock:
            idle = [environment for environment in self._idle if environment.spec.name == function]
            for environment in idle:
                self._idle.remove(environment)
            busy = [environment for environment in self._busy if environment.spec.name == function]
        for environment in [*idle, *busy]:
            environment.kill()
        return len(idle) + len(busy)

    def close(self) -> None:
        """End every environment and wait for it."""
        with self._lock:
            self._closed = True
            environments = [*self._idle, *self._busy]
            self._idle.clear()
        for environment in environments:
            environment.kill()
        for environment in environments:
            environment.wait_until_gone(2)
        with contextlib.suppress(OSError):
            os.close(self._held)
