"""One execution environment: a subprocess that handles one event at a time."""

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path

from local.lambdas.runtime_api import Invocation, Outcome, RuntimeApi

__all__ = ["Environment", "FunctionSpec", "Host", "Result"]

INIT_SECONDS = 30.0  # AWS gives 10; a laptop that starts twenty functions at once needs more
RESPONSE_LIMIT = 6_291_556
LOG_TAIL = 65_536
_NICE = 10  # of functions that no HTTP API waits for
_BOOTSTRAP = Path(__file__).with_name("bootstrap.py")


@dataclass(frozen=True)
class FunctionSpec:
    """A deployed function as the runner needs it. `fingerprint` changes with code or configuration."""

    name: str
    arn: str
    version: str
    fingerprint: str
    handler: str
    task_root: Path
    layers: tuple[Path, ...] = ()
    variables: dict[str, str] = field(default_factory=dict)
    timeout: float = 3
    memory: int = 128
    region: str = "us-east-1"
    behind_api: bool = False


@dataclass(frozen=True)
class Host:
    """What all environments of one server share."""

    api: RuntimeApi
    runtime: Path
    logs: Path
    lifeline: int
    variables: dict[str, str]


@dataclass(frozen=True)
class Result:
    """The answer of one invocation."""

    body: bytes
    failed: bool = False
    log: str = ""


class Environment:
    """Starts its process at once; once `wait_for_init` came back it takes events."""

    def __init__(self, spec: FunctionSpec, host: Host) -> None:
        self.id = uuid.uuid4().hex
        self.spec = spec
        self.uses = 0
        self.last_used = time.monotonic()
        self._host = host
        self._first: Outcome | None = None  # what its start came to
        self._doomed = False
        self._mailbox = host.api.open(self.id)
        self._log_path = host.logs / f"{spec.name}.log"
        with self._log_path.open("ab") as log:
            self._log_start = log.tell()
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-S", str(_BOOTSTRAP), spec.handler],
                cwd=spec.task_root,
                env=self._environment_variables(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(host.lifeline,),
                start_new_session=True,
            )
        threading.Thread(target=self._reap, name=f"reap-{spec.name}", daemon=True).start()

    def _environment_variables(self) -> dict[str, str]:
        spec, python = self.spec, f"python{sys.version_info[0]}.{sys.version_info[1]}"
        layers = [
            str(path)
            for layer in spec.layers
            for path in (layer / "python" / "lib" / python / "site-packages", layer / "python")
            if path.is_dir()
        ]
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": os.environ.get("TMPDIR", "/tmp"),  # noqa: S108 - as on AWS
            "LANG": "C.UTF-8",
            "TZ": ":UTC",
            **self._host.variables,
            **spec.variables,
            "AWS_LAMBDA_RUNTIME_API": self._host.api.address(self.id),
            "AWS_LAMBDA_FUNCTION_NAME": spec.name,
            "AWS_LAMBDA_FUNCTION_VERSION": spec.version,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(spec.memory),
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{spec.name}",
            "AWS_LAMBDA_LOG_STREAM_NAME": f"local/{self.id}",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_REGION": spec.region,
            "AWS_DEFAULT_REGION": spec.region,
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{python}",
            "LAMBDA_TASK_ROOT": str(spec.task_root),
            "_HANDLER": spec.handler,
            "PYTHONPATH": os.pathsep.join([str(spec.task_root), *layers, str(self._host.runtime)]),
            "PYTHONUNBUFFERED": "1",
            "LOCAL_LAMBDA_WATCH_FD": str(self._host.lifeline),
            "LOCAL_LAMBDA_NICE": "0" if spec.behind_api else str(_NICE),
        }

    def _reap(self) -> None:
        code = self._process.wait()
        said = f"signal: {signal.Signals(-code).name[3:].lower()}" if code < 0 else f"exit status {code}"
        self._mailbox.outbox.put(Outcome("exit", said.replace("kill", "killed").encode()))
        self._host.api.close(self.id)

    @property
    def alive(self) -> bool:
        """Whether it can take another event."""
        return not self._doomed and self._process.poll() is None

    def kill(self) -> None:
        """SIGKILL, with whatever the handler had started."""
        self._doomed = True
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def wait_until_gone(self, timeout: float) -> None:
        """Wait for a killed process, so that nothing is left behind."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout)

    def wait_for_init(self) -> None:
        """Wait until it is ready, or its start has failed or taken too long: `invoke` says so."""
        with contextlib.suppress(queue.Empty):
            self._first = self._mailbox.outbox.get(timeout=INIT_SECONDS)

    def invoke(self, payload: bytes, request_id: str) -> Result:
        """Run one event to its end, its error, its timeout or the death of the process."""
        log_start = self._log_path.stat().st_size if self.uses else self._log_start
        started = time.monotonic()
        outcome = self._run(payload, request_id)
        self.uses += 1
        self.last_used = time.monotonic()
        result = self._judge(outcome, request_id)
        if outcome is None or outcome.kind in {"init_error", "exit"}:
            self.kill()
        log = self._finish_log(log_start, request_id, (time.monotonic() - started) * 1000)
        return Result(result.body, result.failed, log)

    def _run(self, payload: bytes, request_id: str) -> Outcome | None:
        if self._first is None or self._first.kind != "ready":
            return self._first
        try:
            spec = self.spec
            self._mailbox.inbox.put(Invocation(request_id, payload, spec.timeout, spec.arn))
            return self._mailbox.outbox.get(timeout=spec.timeout)
        except queue.Empty:
            return None

    def _judge(self, outcome: Outcome | None, request_id: str) -> Result:
        if outcome is None:
            said = f"Task timed out after {self.spec.timeout:.2f} seconds"
            return _failure("Sandbox.Timedout", f"RequestId: {request_id} Error: {said}")
        if outcome.kind == "response":
            if len(outcome.body) > RESPONSE_LIMIT:
                said = (
                    f"Response payload size exceeded maximum allowed payload size ({RESPONSE_LIMIT} bytes)."
                )
                return _failure("Function.ResponseSizeTooLarge", said)
            return Result(outcome.body)
        if outcome.kind == "exit":
            said = f"Runtime exited with error: {outcome.body.decode()}"
            return _failure("Runtime.ExitError", f"RequestId: {request_id} Error: {said}")
        return Result(outcome.body, failed=True)

    def _finish_log(self, start: int, request_id: str, milliseconds: float) -> str:
        with self._log_path.open("ab+") as log:
            size = log.tell()
            log.seek(max(start, size - LOG_TAIL))
            tail = log.read()
            log.write(f"REPORT RequestId: {request_id} Duration: {milliseconds:.2f} ms\n".encode())
        return tail.decode(errors="replace")


def _failure(error_type: str, message: str) -> Result:
    return Result(json.dumps({"errorType": error_type, "errorMessage": message}).encode(), failed=True)
