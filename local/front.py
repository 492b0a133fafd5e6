"""The ASGI front of ministack: admin endpoints, plain URLs for HTTP APIs, counted AWS calls."""

import asyncio
import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qs

from ministack import app
from ministack.core.router import extract_access_key_id

from local.lambdas.runner import LambdaRunner
from local.operations import operation
from local.precedence import Precedence
from local.statemachines.engine import Engine
from local.stats import Stats

__all__ = ["Front", "count_calls"]

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Front:
    """`/_local/…` and `/_api/<api-id>/…` here, everything else to ministack."""

    def __init__(
        self,
        runner: LambdaRunner,
        engine: Engine,
        stats: Stats,
        precedence: Precedence,
        settings: dict[str, Any],
    ) -> None:
        self._runner = runner
        self._precedence = precedence
        self._engine = engine
        self._stats = stats
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One ASGI connection."""
        path = scope.get("path", "")
        if scope["type"] == "http" and path.startswith("/_local/"):
            status, body = await asyncio.to_thread(self._admin, scope["method"], path, scope["query_string"])
            await _answer(send, status, body)
            return
        if scope["type"] == "http" and path.startswith("/_api/"):
            with self._precedence.request():
                await self._pass_on(_as_api_request(scope), receive, send)
            return
        await self._pass_on(scope, receive, send)

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        if app.AUTH and scope["type"] == "http":
            # Policies that demand TLS (`aws:SecureTransport`) must not refuse everything here.
            scope = {**scope, "headers": [*scope["headers"], (b"x-forwarded-proto", b"https")]}
        await app.app(scope, receive, send)

    def _admin(self, method: str, path: str, query: bytes) -> tuple[int, object]:
        match method, path.removeprefix("/_local/"):
            case "GET", "health":
                return 200, {"status": "ok", **self._settings}
            case "GET", "stats":
                return 200, {**self._stats.report(), **self._transitions()}
            case "POST", "stats/reset":
                self._reset()
                return 200, {}
            case "POST", "lambdas/kill":
                name = parse_qs(query.decode()).get("function", [""])[0]
                return 200, {"killed": self._runner.kill(name)}
            case _:
                return 404, {"message": f"no such endpoint: {method} {path}"}

    def _reset(self) -> None:
        self._stats.reset()
        for execution in self._engine.all():
            execution.counted_from = len(execution.history)

    def _transitions(self) -> dict[str, Any]:
        """States entered, as AWS bills them, per execution and per machine."""
        executions: dict[str, Any] = {}
        machines: dict[str, int] = {}
        for execution in self._engine.all():
            events = execution.history[execution.counted_from :]
            entered = sum(event["type"].endswith("StateEntered") for event in events)
            if entered:
                machine = execution.state_machine.name
                machines[machine] = machines.get(machine, 0) + entered
                executions[execution.exec_arn] = {
                    "machine": machine,
                    "name": execution.name,
                    "status": execution.status,
                    "transitions": entered,
                    "attempts": sum(event["type"] == "TaskScheduled" for event in events),
                }
        return {"executions": executions, "machines": machines}


def _as_api_request(scope: Scope) -> Scope:
    """`/_api/<id>/rest` as the API's own host would see it: `/rest`."""
    _, _, api, *rest = scope["path"].split("/", 3)
    raw = scope.get("raw_path", b"").split(b"/", 3)
    port = scope["server"][1]
    headers = [(name, value) for name, value in scope["headers"] if name.lower() != b"host"]
    return {
        **scope,
        "path": "/" + "".join(rest),
        "raw_path": b"/" + b"".join(raw[3:]),
        "headers": [(b"host", f"{api}.execute-api.localhost:{port}".encode()), *headers],
    }


async def _answer(send: Send, status: int, body: object) -> None:
    data = json.dumps(body).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(data)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": data})


def count_calls(stats: Stats) -> None:
    """Count each request at the one place where ministack dispatches them."""
    theirs = app._dispatch_service_request

    async def counted(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any], request_id: str
    ) -> Any:
        service, action = operation(method, path, headers, body, query)
        stats.count_call(service, action, extract_access_key_id(headers, query))
        return await theirs(method, path, headers, body, query, request_id)

    app._dispatch_service_request = counted
