"""A running local AWS for tests and `make run`."""

import json
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import boto3
from botocore.config import Config

from local.deploy import Outputs, deploy

__all__ = ["LocalStack"]

_REPOSITORY = Path(__file__).resolve().parents[1]
_REGION = "us-east-1"
_START_SECONDS = 60
_make_client: Any = boto3.client  # its types know services by literal names only
_STOP_SECONDS = 10


class LocalStack:
    """The server subprocess and what one does with it. Use it as a context manager."""

    def __init__(self, endpoint: str, process: "subprocess.Popen[bytes] | None" = None) -> None:
        self.endpoint = endpoint
        self._process = process
        self._clients: dict[str, Any] = {}

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
    ) -> Self:
        """Start the server and wait until it answers. Port 0 takes a free one.

        Raises:
            RuntimeError: it ended, or did not answer in time; the message holds its log's end.
        """
        state = Path(state_dir).resolve()
        state.mkdir(parents=True, exist_ok=True)
        port = port or _free_port()
        command = [sys.executable, "-m", "local.server", "--port", str(port), "--state-dir", str(state)]
        command += ["--time-scale", str(time_scale), "--reuse-limit", str(reuse_limit)]
        command += ["--cache-dir", str(Path(cache_dir).resolve())] if cache_dir else []
        command += ["--enforce-iam"] if enforce_iam else []
        log_path = state / "server.log"
        with log_path.open("ab") as log:
            process = subprocess.Popen(
                command,
                cwd=_REPOSITORY,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        stack = cls(f"http://127.0.0.1:{port}", process)
        try:
            stack._wait_until_healthy(log_path)
        except BaseException:
            stack.stop()
            raise
        return stack

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


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
