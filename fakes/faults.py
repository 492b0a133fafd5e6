"""Faults that a stand-in shows on demand: per operation, so many times, before or after it commits."""

import asyncio
import threading
from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import Message, Receive, Scope, Send
from typing_extensions import override

__all__ = ["PERSONAL", "Broken", "Fault", "Faults", "refusal"]

PERSONAL = (
    "Kim Jansen, kim@example.com, Lindenstr. 5"  # broken answers quote people: nothing of it may travel
)


class Fault(BaseModel):
    """One fault.

    Args:
        operation: the vendor's word for it (`refundCreate`, `reply`), or `*` for any.
        kind: an HTTP status; `html`, `shape`, `empty`: an answer that is none; `drop_*`: the connection
            breaks before or after the commit; `hang_*`: no answer until the client gives up; `slow`:
            answers after `seconds`; `throttled`, `access_denied`, `internal`: GraphQL errors with 200;
            `error_after`: Stripe commits and answers 500.
        times: how many requests it hits; 0: all.
        seconds: of `slow`, the longest of `hang_*`, and `Retry-After` of 429.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    operation: str = "*"
    kind: str = Field(
        pattern=r"^([1-5][0-9]{2}|html|shape|empty|(drop|hang)_(before|after)|slow|throttled|access_denied|internal|error_after)$"
    )
    times: int = Field(default=1, ge=0)
    seconds: float = Field(default=30.0, ge=0)


class Faults:
    """The faults that wait for their requests."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._left: list[tuple[Fault, int]] = []

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._left.append((fault, fault.times))

    def clear(self) -> None:
        with self._lock:
            self._left.clear()

    def take(self, operations: Iterable[str]) -> Fault | None:
        """The first fault for one of these operations; used up once it has hit often enough."""
        names = {"*", *operations}
        with self._lock:
            for at, (fault, left) in enumerate(self._left):
                if fault.operation not in names:
                    continue
                if left == 1:
                    del self._left[at]
                elif left:
                    self._left[at] = (fault, left - 1)
                return fault
        return None


class Broken(Response):
    """A connection that ends in the middle of an answer, at once or when the client gives up."""

    def __init__(self, wait: float) -> None:
        super().__init__()
        self._wait = wait

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._wait:
            await _until_gone(receive, self._wait)
        headers = [(b"content-type", b"application/json"), (b"content-length", b"4096")]
        start: Message = {"type": "http.response.start", "status": 200, "headers": headers}
        await send(start)
        await send({"type": "http.response.body", "body": b"{", "more_body": True})


async def _until_gone(receive: Receive, seconds: float) -> None:
    async def gone() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    try:
        await asyncio.wait_for(gone(), seconds)
    except TimeoutError:
        return


async def refusal(fault: Fault) -> Response | None:
    """The answer of a fault that hits before anything is carried out; None: carry out first."""
    if fault.kind.isdigit():
        headers = {"Retry-After": f"{fault.seconds:g}"} if fault.kind == "429" else {}
        return JSONResponse({"errors": f"a fault was asked for; {PERSONAL}"}, int(fault.kind), headers)
    answers: dict[str, Response] = {
        "html": HTMLResponse(f"<!doctype html><title>Something went wrong</title><p>{PERSONAL}"),
        "shape": JSONResponse(
            {"data": {"order": PERSONAL, "customer": PERSONAL}, "id": 1, "messages": PERSONAL}
        ),
        "empty": Response(b""),
        "drop_before": Broken(0),
        "hang_before": Broken(fault.seconds),
    }
    if fault.kind == "slow":
        await asyncio.sleep(fault.seconds)
    return answers.get(fault.kind)
