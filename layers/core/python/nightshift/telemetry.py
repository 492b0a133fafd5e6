"""What every Lambda does around its one core call: settings, logging, counting, metering, wire errors.

Logs are events with fields. Personal data does not reach them: the entrypoint logs ids, counts and
error codes only, and never an incoming payload. Every line of an invocation carries the ids it is about
(`correlation`), and X-Ray's trace id where the runtime traces; nothing of X-Ray is imported for it.
"""

import functools
import re
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

from aws_lambda_powertools import Logger, Metrics

from nightshift.aws.client import METER, is_transient
from nightshift.errors import NightshiftError, Retryable, WireError
from nightshift.model.metric import NAMESPACE, Metric
from nightshift.settings import Settings

__all__ = ["LOG_FIELDS", "Counted", "Crashed", "correlation", "entrypoint", "logger", "metrics"]

_SERVICE: Final = "nightshift"

LOG_FIELDS: Final = frozenset({
    # what a line is about, on every line of the invocation
    "call", "case", "generation", "request", "run",
    # what else it names
    "adapter", "anchor", "attempt", "channel", "event", "message_id", "occurrence", "of", "step",
    "tenant", "tool",
    # what happened
    "answers_given", "became", "code", "done", "error", "handed_over", "heads", "op", "outcome", "parked",
    "problem", "reason", "recovered", "refused", "requests", "rest", "running", "seen", "sent", "shape",
    "status", "unsent", "where",
    # what it took
    "aws", "cpu_ms", "milliseconds", "wall_ms",
})  # fmt: skip
"""Every field that a line may have beside Powertools' own; a test holds the code to it."""

logger = Logger(service=_SERVICE, log_uncaught_exceptions=False)


class Counted:
    """Counts for alarms and the dashboard, as lines of CloudWatch's embedded metric format.

    CloudWatch makes metrics of the lines; no call is made. Their dimensions are the service and the stage
    and nothing else, because each combination is a custom metric with a price of its own.
    """

    def __init__(self) -> None:
        self._metrics = Metrics(namespace=NAMESPACE, service=_SERVICE)

    def of_stage(self, stage: str) -> None:
        """Say which stage is counted."""
        self._metrics.set_default_dimensions(stage=stage)

    def count(self, metric: Metric, value: float = 1) -> None:
        """Add to a metric of this invocation; a count of nothing is not written, for it would cost."""
        if metric is Metric.HANDOFF_SECONDS:
            self._metrics.add_metric(name=metric.value, unit="Seconds", value=value)
        elif value:
            self._metrics.add_metric(name=metric.value, unit="Count", value=value)

    def write(self) -> None:
        """Write what was counted since the last time, if anything."""
        if self._metrics.metric_set:
            self._metrics.flush_metrics()


metrics = Counted()
"""The `Metrics` port of every function."""

_OUR_ID = re.compile(r"(?:case|run|undo)_[a-z2-7]{26}")


def correlation(event: Mapping[str, Any]) -> dict[str, Any]:
    """What an incoming event is about: its case, run and generation, or the HTTP API's id of the call.

    Only what has the form of our own ids, so that nothing a caller wrote can reach a log by this way.
    """
    inner = event.get("event")
    given = inner if isinstance(inner, Mapping) else event
    ids: dict[str, Any] = {
        name: given[name] for name in ("case", "run") if _OUR_ID.fullmatch(str(given.get(name)))
    }
    if isinstance(given.get("generation"), int):
        ids["generation"] = given["generation"]
    http = given.get("requestContext")
    if isinstance(http, Mapping) and http.get("requestId"):
        ids["call"] = str(http["requestId"])
    return ids


class Crashed(NightshiftError):
    """Something nobody foresaw. Says what and where, never the original's message: that may quote data."""


S = TypeVar("S", bound=Settings)
W = TypeVar("W")
R = TypeVar("R")


def _crashed(exc: Exception) -> NightshiftError:
    if is_transient(exc):
        logger.warning("aws unavailable", error=type(exc).__name__)
        return Retryable("AWS did not serve a call", code="aws.unavailable")
    where = [f"{Path(f.filename).name}:{f.lineno}" for f in traceback.extract_tb(exc.__traceback__)[-4:]]
    logger.error("call crashed", error=type(exc).__name__, where=where)
    return Crashed(f"{type(exc).__name__} at {', '.join(where)}")


def entrypoint(
    settings: type[S], wire: Callable[[S], W]
) -> Callable[[Callable[[dict[str, Any], W], R]], Callable[[dict[str, Any], Any], R]]:
    """Make a Lambda handler of `function(event, wired)`.

    Settings are read and `wire` is called once per cold start, at the first invocation, so that a
    missing setting is an error of the invocation that names it. Our own errors pass as they are. A
    passing fault of AWS becomes `Retryable` (every function may be called again), anything else
    `Crashed`, because the runtime and the state machine keep messages, and messages may quote data.
    """

    def decorate(function: Callable[[dict[str, Any], W], R]) -> Callable[[dict[str, Any], Any], R]:
        @functools.cache
        def wired() -> W:
            read = settings.load()
            metrics.of_stage(read.stage)
            return wire(read)

        @functools.wraps(function)
        def handler(event: dict[str, Any], context: Any) -> R:  # noqa: ANN401  # the runtime's own object
            started, began = time.process_time(), time.monotonic()
            request = getattr(context, "aws_request_id", "")
            logger.append_keys(request=request, **correlation(event))
            try:
                return function(event, wired())
            except WireError as exc:
                logger.warning("call failed", error=type(exc).__name__, code=exc.code)
                raise
            except NightshiftError as exc:
                logger.warning("call failed", error=type(exc).__name__)
                raise
            except Exception as exc:  # noqa: BLE001  # whatever it is, its message must not travel
                raise _crashed(exc) from None
            finally:
                cpu_ms = round((time.process_time() - started) * 1000, 2)
                logger.info(
                    "metered",
                    cpu_ms=cpu_ms,
                    wall_ms=round((time.monotonic() - began) * 1000, 2),
                    aws=METER.take(),
                )
                metrics.write()
                logger.clear_state()

        return handler

    return decorate
