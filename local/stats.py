"""Counters of what the server did: invocations, cold starts, AWS calls by caller, refusals."""

import threading
from collections import Counter
from typing import Any

__all__ = ["Stats"]


class Stats:
    """Thread-safe counts since the start or the last reset."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._callers: dict[str, str] = {}
        self._invocations: Counter[str] = Counter()
        self._cold_starts: Counter[str] = Counter()
        self._failures: Counter[str] = Counter()
        self._calls: Counter[tuple[str, str, str]] = Counter()
        self._refusals: Counter[tuple[str, str, str]] = Counter()

    def name_caller(self, access_key: str, name: str) -> None:
        """Calls signed with this key are this caller's."""
        self._callers[access_key] = name

    def count_invocation(self, function: str, *, cold: bool, failed: bool) -> None:
        """One finished invocation."""
        with self._lock:
            self._invocations[function] += 1
            self._cold_starts[function] += cold
            self._failures[function] += failed

    def count_call(self, service: str, action: str, access_key: str) -> None:
        """One request to an AWS API."""
        with self._lock:
            self._calls[service, action, self._callers.get(access_key, "")] += 1

    def count_refusal(self, principal: str, action: str, resource: str) -> None:
        """One permission that somebody needed and did not have."""
        with self._lock:
            self._refusals[principal, action, str(resource)] += 1

    def reset(self) -> None:
        """Start again from zero."""
        with self._lock:
            for counter in (self._invocations, self._cold_starts, self._failures):
                counter.clear()
            self._calls.clear()
            self._refusals.clear()

    def report(self) -> dict[str, Any]:
        """Everything, as JSON can hold it."""
        with self._lock:
            return {
                "lambdas": {
                    name: {
                        "invocations": count,
                        "cold_starts": self._cold_starts[name],
                        "errors": self._failures[name],
                    }
                    for name, count in sorted(self._invocations.items())
                },
                "calls": [
                    {"service": service, "action": action, "caller": caller, "count": count}
                    for (service, action, caller), count in sorted(self._calls.items())
                ],
                "refusals": [
                    {"principal": principal, "action": action, "resource": resource, "count": count}
                    for (principal, action, resource), count in sorted(self._refusals.items())
                ],
            }
