"""Which operation of which service a request is."""

from typing import Any

from ministack import app
from ministack.core.iam_actions import extract_iam_action
from ministack.core.router import detect_service

__all__ = ["operation"]


def operation(
    method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]
) -> tuple[str, str]:
    """Service and action; the HTTP method where the action is not known."""
    target = headers.get("x-amz-target")
    params = app._routing_params(method, path, headers, body, query)
    service = detect_service(method, path, headers, params)
    if target:
        return service, target.rsplit(".", 1)[-1]
    action = extract_iam_action(service, method, path, headers, body, params)
    return service, action.split(":", 1)[-1] if action else method
