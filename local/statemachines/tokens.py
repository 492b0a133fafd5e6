"""Task tokens: one registry for all executions, each token good for one answer."""

import threading
from typing import Any

from moto.stepfunctions.parser.asl.eval.callback.callback import (
    CallbackConsumerTimeout,
    CallbackOutcomeFailure,
    CallbackOutcomeSuccess,
)

__all__ = ["TokenClosed", "TokenUnknown", "Tokens"]


class TokenUnknown(Exception):
    """No task ever had this token."""


class TokenClosed(Exception):
    """The task was answered, timed out, or its execution ended."""


class Tokens:
    """Open tokens lead to moto's callback endpoints; closed ones are remembered."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._endpoints: dict[str, Any] = {}  # None once closed
        self._owners: dict[str, str] = {}

    def open(self, token: str, endpoint: Any, owner: str) -> None:
        """A task of this state machine, or of this activity, begins to wait."""
        with self._lock:
            self._endpoints[token] = endpoint
            self._owners[token] = owner

    def owner(self, token: str) -> str | None:
        """The ARN on which one needs permission to answer, also too late; None if there was no such token."""
        with self._lock:
            return self._owners.get(token)

    def is_open(self, token: str) -> bool:
        """Whether an answer would still count."""
        with self._lock:
            return self._endpoints.get(token) is not None

    def close(self, token: str) -> None:
        """The task is over; wake whoever still waits for it."""
        with self._lock:
            endpoint = self._endpoints.get(token)
            if token in self._endpoints:
                self._endpoints[token] = None
        if endpoint is not None:
            endpoint.report(CallbackConsumerTimeout())
            endpoint.interrupt_all()

    def succeed(self, token: str, output: str) -> None:
        """SendTaskSuccess."""
        self._take(token).notify(CallbackOutcomeSuccess(token, output))

    def fail(self, token: str, error: str | None, cause: str | None) -> None:
        """SendTaskFailure."""
        self._take(token).notify(CallbackOutcomeFailure(token, error, cause))

    def beat(self, token: str) -> None:
        """SendTaskHeartbeat."""
        with self._lock:
            endpoint = self._known(token)
        endpoint.notify_heartbeat()

    def endpoint(self, token: str) -> Any:
        """The open endpoint of an activity's task."""
        with self._lock:
            return self._known(token)

    def clear(self) -> None:
        """Forget everything (a reset)."""
        with self._lock:
            self._endpoints.clear()
            self._owners.clear()

    def _take(self, token: str) -> Any:
        with self._lock:
            endpoint = self._known(token)
            self._endpoints[token] = None
            return endpoint

    def _known(self, token: str) -> Any:
        if token not in self._endpoints:
            raise TokenUnknown
        endpoint = self._endpoints[token]
        if endpoint is None:
            raise TokenClosed
        return endpoint
