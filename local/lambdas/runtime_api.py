"""The Lambda Runtime API, one threading server shared by all execution environments."""

import queue
import threading
import time
import uuid
from dataclasses import dataclass, field
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import Literal

from typing_extensions import override

__all__ = ["Invocation", "Mailbox", "Outcome", "RuntimeApi"]


OutcomeKind = Literal["ready", "response", "error", "init_error", "exit"]


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

    kind: OutcomeKind
    body: bytes = b""


@dataclass
class Mailbox:
    """The two queues between one environment's process and the invoker."""

    inbox: "queue.SimpleQueue[Invocation | None]" = field(default_factory=queue.SimpleQueue)
    outbox: "queue.SimpleQueue[Outcome]" = field(default_factory=queue.SimpleQueue)
    asked_before: bool = False


class RuntimeApi(ThreadingTCPServer):
    """`/<environment>/2018-06-01/runtime/…` for every environment there is."""

    daemon_threads = True
    allow_reuse_address = True
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


class _Handler(StreamRequestHandler):
    """One connection of awslambdaric; each request says its Content-Length.

    It is read by hand: `http.server` takes half a millisecond for each, and there are two per invocation.
    """

    disable_nagle_algorithm = True
    wbufsize = -1
    server: RuntimeApi

    @override
    def handle(self) -> None:
        while line := self.rfile.readline():
            method, path, _ = line.split(b" ", 2)
            length = self._length()
            body = self.rfile.read(length)
            mailbox = self.server.find(path.decode().split("/")[1])
            if method == b"GET":
                if not self._next(mailbox):
                    return
            else:
                self._take(mailbox, path, body)

    def _length(self) -> int:
        """The Content-Length of the headers, which are read to their end."""
        length = 0
        while (line := self.rfile.readline()) not in {b"\r\n", b""}:
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
            elif name.lower() == b"expect":
                self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                self.wfile.flush()
        return length

    def _reply(self, status: str, body: bytes = b"{}", headers: dict[str, str] | None = None) -> None:
        lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in (headers or {}).items())]
        head = "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode()
        self.wfile.write(head + body)
        self.wfile.flush()

    def _next(self, mailbox: Mailbox | None) -> bool:
        """Hand over the next event; False: there will be none."""
        if mailbox and not mailbox.asked_before:
            mailbox.asked_before = True
            mailbox.outbox.put(Outcome("ready"))
        invocation = mailbox.inbox.get() if mailbox else None
        if invocation is None:
            self._reply("410 Gone", headers={"Connection": "close"})
            return False
        now = time.time()
        headers = {
            "Content-Type": "application/json",
            "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
            "Lambda-Runtime-Deadline-Ms": str(int((now + invocation.timeout) * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": invocation.function_arn,
            "Lambda-Runtime-Trace-Id": f"Root=1-{int(now):x}-{uuid.uuid4().hex[:24]};Sampled=0",
        }
        self._reply("200 OK", invocation.payload, headers)
        return True

    def _take(self, mailbox: Mailbox | None, path: bytes, body: bytes) -> None:
        kinds: tuple[tuple[bytes, OutcomeKind], ...] = (
            (b"/init/error", "init_error"),
            (b"/response", "response"),
            (b"/error", "error"),
        )
        for ending, kind in kinds:
            if mailbox and path.endswith(ending):
                mailbox.outbox.put(Outcome(kind, body))
                break
        self._reply("202 Accepted")
