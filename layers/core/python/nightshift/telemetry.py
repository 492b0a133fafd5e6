"""What every Lambda does around its one core call: settings, logging, metering, wire errors.

Logs are events with fields. Personal data does not reach them: the entrypoint logs ids, counts and
error codes only, and never an incoming payload.
"""

import functools
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from aws_lambda_powertools import Logger

from nightshift.aws.client import METER, is_transient
from nightshift.errors import NightshiftError, Retryable, WireError
from nightshift.settings import Settings

__all__ = ["Crashed", "entrypoint", "logger"]

logger = Logger(service="nightshift", log_uncaught_exceptions=False)


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
            return wire(settings.load())

        @functools.wraps(function)
        def handler(event: dict[str, Any], context: Any) -> R:  # noqa: ANN401  # the runtime's own object
            started, began = time.process_time(), time.monotonic()
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
                    request=getattr(context, "aws_request_id", ""),
                    cpu_ms=cpu_ms,
                    wall_ms=round((time.monotonic() - began) * 1000, 2),
                    aws=METER.take(),
                )

        return handler

    return decorate
