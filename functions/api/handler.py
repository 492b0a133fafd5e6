"""One request of the HTTP API: who asks, then the route that answers."""

from typing import Any

from functions.api.routes import answer
from nightshift.api.desk import Desk
from nightshift.telemetry import entrypoint
from nightshift.wiring.api import ApiSettings, wire

__all__ = ["handler"]


@entrypoint(ApiSettings, wire)
def handler(event: dict[str, Any], desk: Desk) -> dict[str, Any]:
    """Answer one request of an HTTP API (payload format 2.0)."""
    return answer(event, desk)
