"""A running local AWS for tests and `make run`."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import boto3
from botocore.config import Config

from local.deploy import Outputs, deploy

__all__ = ["LocalStack", "Settings"]

_REPOSITORY = Path(__file__).resolve().parents[1]
_REGION = "us-east-1"
_START_SECONDS = 60
_make_client: Any = boto3.client  # its types know services by literal names only
_STOP_SECONDS = 10


@dataclass(frozen=True)
class Settings:
    """How the server is started, each time."""

    state: Path
    port: int
    time_scale: float
    enforce_iam: bool
    cache: Path
    reuse_limit: int

    def command(self) -> list[str]:
        """What starts it."""
        given = {
            "port": self.port,
            "state-dir": self.state,
            "time-scale": self.time_scale,
            "cache-dir": self.cache,
            "reuse-limit": self.reuse_limit,
        }
        options = [word for name, value in given.items() for word in (f"--{name}", str(value))]
        return [sys.executable, "-m", "local.server", *options, *(["--enforce-iam"] * self.enforce_iam)]

    def variables(self) -> dict[str, str]:
        """Its environment: bytecode is kept wherever it may not be written beside the source."""
        kept = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
        return {**kept, "PYTHONPYCACHEPREFIX": str(_REPOSITORY / ".local" / "bytecode")}


class LocalStack:
    """The server subprocess and what one does with it. Use it as a context manager."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None
        self._clients: dict[str, Any] = {}
        self.endpoint = f"http://127.0.0.1:{settings.port}"

    @classmethod
    def start(
        cls,
        state_dir: Path | str,
        port: int = 0,
        *,
        time_scale: float = 1.0,
        enforce_iam: bool = False,
        cache_dir: Path | str | None = None,
        reuse_limit: int = 0,
        fresh: bool = False,
    ) -> Self:
        """Start the server and wait until it answers; it goes on from what the folder holds.

        Args:
            state_dir: its data and logs.
            port: 0 takes the one it had before, if it is free, else any free one.
            time_scale: how long a second of waiting takes in the state machines.
            enforce_iam: whether every call is checked against the caller's role.
            cache_dir: unzipped packages, shared between stacks.
            reuse_limit: invocations of one Lambda environment; 0: no limit.
            fresh: forget what the folder holds.

        Raises:
            RuntimeError: it ended, or did not answer in time; the message holds its log's end.
        """
        state = Path(state_dir).resolve()
        if fresh:
            shutil.rmtree(state / "data", ignore_errors=True)
        (state / "data").mkdir(parents=True, exist_ok=True)
        settings = Settings(
            state=state,
            port=port or _port_of(state / "data" / "port"),
            time_scale=time_scale,
            enforce_iam=enforce_iam,
            cache=Path(cache_dir).resolve() if cache_dir else state,
            reuse_limit=reuse_limit,
        )
        (state / "data" / "port").write_text(str(settings.port), encoding="utf-8")
        stack = cls(settings)
        stack.restart()
        return stack

    def restart(self, *, restore_to: datetime | None = None) -> None:
        """Start the server again after `kill` or `stop`, on the same port, from the same state.

        Everything it acknowledged is there; executions, task tokens and queued messages are gone.

        Args:
            restore_to: put the tables back to how they were at this moment.

        Raises:
            RuntimeError: it did not start.
        """
        log_path = self._settings.state / "server.log"
        with log_path.open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *self._settings.command(),
                    *(["--restore-to", restore_to.isoformat()] if restore_to else []),
                ],
                cwd=_REPOSITORY,
                env=self._settings.variables(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            self._wait_until_healthy(log_path)
        except BaseException:
            self.stop()
            raise

    def restore(self, at: datetime) -> None:
        """Restore all tables to a moment, as from point-in-time backups, and go on from there.

        What was written to them since is lost; bodies, secrets, keys and deployed stacks stay as they are.

        Raises:
            RuntimeError: the journal does not reach back so far.
        """
        self._end()
        self.restart(restore_to=at)

    def kill(self) -> None:
        """`kill -9` the server; its functions die with it."""
        if self._process:
            self._process.kill()
            self._process.wait(_STOP_SECONDS)

    def _wait_until_healthy(self, log_path: Path) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and self._process and self._process.poll() is None:
            try:
                if self.admin("GET", "health")["pid"] == self._process.pid:
                    return
            except OSError:
                time.sleep(0.05)
        tail = log_path.read_text(encoding="utf-8", errors="replace")[-2000:]
        raise RuntimeError(f"the local AWS did not start:\n{tail}")

    @property
    def state(self) -> Path:
        """The folder of its data and logs."""
        return self._settings.state

    @property
    def pid(self) -> int | None:
        """The server's process id."""
        return self._process.pid if self._process else None

    def env(self) -> dict[str, str]:
        """Environment variables that lead boto3, the AWS CLI and the CDK CLI here."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": _REGION,
            "AWS_DEFAULT_REGION": _REGION,
        }

    def client(self, service: str, **options: Any) -> Any:
        """A boto3 client; the plain ones are kept."""
        if not options and service in self._clients:
            return self._clients[service]
        settings: dict[str, Any] = {
            "region_name": _REGION,
            "endpoint_url": self.endpoint,
            "aws_access_key_id": "test",
            "aws_secret_access_key": "test",
            "config": Config(inject_host_prefix=False, max_pool_connections=50, retries={"max_attempts": 0}),
            **options,
        }
        made = _make_client(service, **settings)
        if not options:
            self._clients[service] = made
        return made

    def deploy(self, cdk_out: Path | str) -> Outputs:
        """Publish and deploy a cloud assembly; the outputs by stack and key."""
        return deploy(cdk_out, self.client)

    def http_url(self, api: str) -> str:
        """A plain base URL, without trailing slash, for an HTTP API's id or its AWS URL."""
        host = urlsplit(api).hostname or api
        return f"{self.endpoint}/_api/{host.split('.', maxsplit=1)[0]}"

    def admin(self, method: str, path: str) -> Any:
        """Call `/_local/<path>`."""
        request = urllib.request.Request(f"{self.endpoint}/_local/{path}", method=method)  # noqa: S310
        with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310
            return json.load(response)

    def stats(self) -> Any:
        """Invocations, cold starts, transitions and calls since the last reset."""
        return self.admin("GET", "stats")

    def reset_stats(self) -> None:
        """Count from zero."""
        self.admin("POST", "stats/reset")

    def kill_lambda(self, function: str) -> int:
        """SIGKILL all environments of a function; how many there were."""
        return int(self.admin("POST", f"lambdas/kill?function={function}")["killed"])

    def stop(self) -> None:
        """End the server and with it every subprocess."""
        for made in self._clients.values():
            made.close()
        self._end()

    def _end(self) -> None:
        if self._process and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(_STOP_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def _port_of(note: Path) -> int:
    """The port noted there, if nobody has it now; else any free one."""
    wanted = int(note.read_text(encoding="utf-8")) if note.is_file() else 0
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
