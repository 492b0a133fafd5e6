"""The Lambda Runtime API, one threading server shared by all execution environments."""

import queue
import threading
import time
import uuid
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal

from typing_extensions import override

__all__ = ["Invocation", "Mailbox", "Outcome", "RuntimeApi"]


@dataclass(frozen=True)
class Invocation:
    """One event on its way to a handler."""

    request_id: str
    payload: bytes
    timeout: float
    function_arn: str


@dataclass(frozen=True)
class Outcome:
    """What an environment answered, or that it ended."""

    kind: Literal["ready", "response", "error", "init_error", "exit"]
    body: bytes = b""


@dataclass
class Mailbox:
    """The two queues between one environment's process and the invoker."""

    inbox: "queue.SimpleQueue[Invocation | None]" = field(default_factory=queue.SimpleQueue)
    outbox: "queue.SimpleQueue[Outcome]" = field(default_factory=queue.SimpleQueue)
    asked_before: bool = False


class RuntimeApi(ThreadingHTTPServer):
    """`/<environment>/2018-06-01/runtime/…` for every environment there is."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        self._mailboxes: dict[str, Mailbox] = {}
        super().__init__(("127.0.0.1", 0), _Handler)
        threading.Thread(target=self.serve_forever, name="runtime-api", daemon=True).start()

    def open(self, environment: str) -> Mailbox:
        """A mailbox for a new environment."""
        return self._mailboxes.setdefault(environment, Mailbox())

    def close(self, environment: str) -> None:
        """Forget an environment and release the request that waits for its next event."""
        mailbox = self._mailboxes.pop(environment, None)
        if mailbox:
            mailbox.inbox.put(None)

    def find(self, environment: str) -> Mailbox | None:
        """The mailbox, unless the environment is gone."""
        return self._mailboxes.get(environment)

    def address(self, environment: str) -> str:
        """What AWS_LAMBDA_RUNTIME_API holds in that environment."""
        return f"127.0.0.1:{self.server_address[1]}/{environment}"

    @override
    def handle_error(self, request: object, client_address: object) -> None:
        """A killed environment breaks its connection; that is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: RuntimeApi

    @override
    def log_message(self, *args: object) -> None:
        """Be quiet."""

    def _reply(self, status: int, body: bytes = b"{}", headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _mailbox(self) -> Mailbox | None:
        return self.server.find(self.path.split("/")[1])

    def do_GET(self) -> None:
        mailbox = self._mailbox()
        if mailbox and not mailbox.asked_before:
            mailbox.asked_before = True
            mailbox.outbox.put(Outcome("ready"))
        invocation = mailbox.inbox.get() if mailbox else None
        if invocation is None:
            self.close_connection = True
            return self._reply(410)
        now = time.time()
        return self._reply(
            200,
            invocation.payload,
            {
                "Content-Type": "application/json",
                "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
                "Lambda-Runtime-Deadline-Ms": str(int((now + invocation.timeout) * 1000)),
                "Lambda-Runtime-Invoked-Function-Arn": invocation.function_arn,
                "Lambda-Runtime-Trace-Id": f"Root=1-{int(now):x}-{uuid.uuid4().hex[:24]};Sampled=0",
            },
        )

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        mailbox = self._mailbox()
        if mailbox:
            if self.path.endswith("/init/error"):
                mailbox.outbox.put(Outcome("init_error", body))
            elif self.path.endswith("/response"):
                mailbox.outbox.put(Outcome("response", body))
            elif self.path.endswith("/error"):
                mailbox.outbox.put(Outcome("error", body))
        self._reply(202)
