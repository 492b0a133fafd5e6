"""Lambda's Invoke API with adapters' tools behind it: orders that can be read, and vendors that fail."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Self

import boto3
from typing_extensions import override

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

    from nightshift.model.order import Order

_ERROR = "X-Amz-Function-Error"


@dataclass
class ToolsLambda:
    """Functions `tools-adapter-<name>` that serve `{read: …}`; `failing` errors are used up one by one."""

    orders: dict[str, Order] = field(default_factory=dict)
    failing: list[tuple[str, str]] = field(default_factory=list)
    answering: object = None
    status: int = 200
    calls: list[dict[str, object]] = field(default_factory=list)
    prefix: str = "tools-adapter-"

    def invoke(self, function: str, call: dict[str, dict[str, object]]) -> tuple[bool, object]:
        """Whether the function failed, and its payload."""
        self.calls.append({"function": function, **call["read"]})
        if self.failing:
            kind, text = self.failing.pop(0)
            return True, {"errorType": kind, "errorMessage": text, "stackTrace": []}
        if self.answering is not None:
            return False, self.answering
        args = call["read"]["args"]
        ref = args.get("order") if isinstance(args, dict) else None
        found = self.orders.get(str(ref))
        if found is None:
            return True, {"errorType": "Rejected", "errorMessage": "there is no such order"}
        return False, found.model_dump(mode="json")

    def __enter__(self) -> Self:
        tools = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:  # http.server's name
                function = self.path.split("/functions/")[1].split("/")[0]
                size = int(self.headers["Content-Length"])
                failed, payload = tools.invoke(function, json.loads(self.rfile.read(size)))
                body = json.dumps(payload).encode()
                if tools.status != 200:
                    names = {429: "TooManyRequestsException", 404: "ResourceNotFoundException"}
                    self.send_response(tools.status)
                    self.send_header("X-Amzn-ErrorType", names[tools.status])
                    body = b'{"Message": "no"}'
                else:
                    self.send_response(200)
                    if failed:
                        self.send_header(_ERROR, "Unhandled")
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            @override
            def log_message(self, format: str, *args: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def client(self) -> LambdaClient:
        from botocore.config import Config  # noqa: PLC0415  # beside boto3, which is slow to import

        once = Config(retries={"total_max_attempts": 1})
        return boto3.client("lambda", endpoint_url=self.url, config=once)
