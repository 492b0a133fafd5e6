"""Sends prepared requests at a steady rate, as a process of its own that reads them from stdin.

The pace does not wait for answers. How long an answer took counts from the moment its request was due,
so that a request that had to wait here for a connection is not counted as fast.
"""

import asyncio
import base64
import json
import sys
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, cast

from typing_extensions import override

__all__ = ["Order", "Sent", "main", "send"]

_LEAD_SECONDS: Final = 0.2  # until the first request is due
_LAST_ANSWER_SECONDS: Final = 30.0
_ROOT: Final = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, kw_only=True)
class Order:
    """What to send: whole HTTP/1.1 requests, `rate` of them a second, over at most so many connections."""

    host: str
    port: int
    rate: float
    connections: int
    requests: tuple[bytes, ...]


@dataclass(frozen=True, kw_only=True)
class Sent:
    """What became of it, in the order of the requests.

    Attributes:
        statuses: of each answer; 0: none came, or the connection broke.
        milliseconds: from when each request was due until its answer was whole.
        seconds: from the first request to the last answer.
        cpu_seconds: what sending took of a processor.
        latest_ms: how far behind its pace the sender itself was at worst.
    """

    statuses: tuple[int, ...]
    milliseconds: tuple[float, ...]
    seconds: float
    cpu_seconds: float
    latest_ms: float


class _Connection(asyncio.Protocol):
    """One request at a time, kept alive between them."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[int] | None = None
        self._received = b""

    @property
    def is_open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    @override
    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, rest = self._received.partition(b"\r\n\r\n")
        if found and len(rest) >= _length(head) and self._answer is not None:
            self._end(int(head[9:12]))

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._end(0)

    def _end(self, status: int) -> None:
        self._received = b""
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(status)

    async def ask(self, request: bytes) -> int:
        """The status of the answer; 0: the connection broke."""
        if self._transport is None:
            return 0
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


class _Pool:
    def __init__(self, order: Order) -> None:
        self._order = order
        self._idle: deque[_Connection] = deque()
        self._free = asyncio.Semaphore(order.connections)

    async def ask(self, request: bytes) -> int:
        async with self._free:
            connection = await self._connection()
            status = await connection.ask(request)
            if connection.is_open:
                self._idle.append(connection)
            return status

    async def _connection(self) -> _Connection:
        while self._idle:
            kept = self._idle.pop()
            if kept.is_open:
                return kept
        loop = asyncio.get_running_loop()
        _, opened = await loop.create_connection(_Connection, self._order.host, self._order.port)
        return opened


async def _send_all(order: Order) -> Sent:
    loop, pool = asyncio.get_running_loop(), _Pool(order)
    count = len(order.requests)
    statuses, milliseconds = [0] * count, [_LAST_ANSWER_SECONDS * 1000] * count
    latest = 0.0
    began, busy = loop.time() + _LEAD_SECONDS, time.process_time()

    async def one(nth: int, due: float) -> None:
        try:
            statuses[nth] = await asyncio.wait_for(pool.ask(order.requests[nth]), _LAST_ANSWER_SECONDS)
        except (OSError, TimeoutError):
            return
        milliseconds[nth] = (loop.time() - due) * 1000

    async with asyncio.TaskGroup() as group:
        for nth in range(count):
            due = began + nth / order.rate
            await asyncio.sleep(due - loop.time())
            latest = max(latest, loop.time() - due)
            group.create_task(one(nth, due))
    return Sent(
        statuses=tuple(statuses),
        milliseconds=tuple(milliseconds),
        seconds=loop.time() - began,
        cpu_seconds=time.process_time() - busy,
        latest_ms=latest * 1000,
    )


async def send(order: Order) -> Sent:
    """Send it all from a process of its own, so that the pace is not disturbed by this one."""
    told = {**asdict(order), "requests": [base64.b64encode(raw).decode() for raw in order.requests]}
    command = (sys.executable, "-m", "bench.sender")
    pipe = asyncio.subprocess.PIPE
    child = await asyncio.create_subprocess_exec(*command, cwd=_ROOT, stdin=pipe, stdout=pipe)
    said, _ = await child.communicate(json.dumps(told).encode())
    return _read_sent(json.loads(said))


def _read_sent(said: dict[str, Sequence[float] | float]) -> Sent:
    return Sent(**said)  # type: ignore[arg-type]  # as `main` wrote it


def main() -> None:
    """Read an order from stdin, carry it out, write what became of it to stdout."""
    told = json.load(sys.stdin)
    requests = tuple(base64.b64decode(raw) for raw in told.pop("requests"))
    sent = asyncio.run(_send_all(Order(**told, requests=requests)))
    json.dump(asdict(sent), sys.stdout)


if __name__ == "__main__":
    main()
