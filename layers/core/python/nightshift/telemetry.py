"""What every Lambda does around its one core call: settings, logging, metering, wire errors.

Logs are events with fields. Personal data does not reach them: the entrypoint logs ids, counts and
error codes only, and never an incoming payload.
"""

import functools
import time
import traceback
from collections.abc import Callable
from typing import Any, TypeVar

from aws_lambda_powertools import Logger

from nightshift.aws.client import METER
from nightshift.errors import WireError
from nightshift.settings import Settings

__all__ = ["entrypoint", "logger"]

logger = Logger(service="nightshift", log_uncaught_exceptions=False)

S = TypeVar("S", bound=Settings)
W = TypeVar("W")
R = TypeVar("R")


def entrypoint(
    settings: type[S], wire: Callable[[S], W]
) -> Callable[[Callable[[dict[str, Any], W], R]], Callable[[dict[str, Any], Any], R]]:
    """Make a Lambda handler of `function(event, wired)`.

    Settings are read and `wire` is called once per cold start, at the first invocation, so that a
    missing setting is an error of the invocation that names it. Wire errors pass as they are.
    """

    def decorate(function: Callable[[dict[str, Any], W], R]) -> Callable[[dict[str, Any], Any], R]:
        @functools.cache
        def wired() -> W:
            return wire(settings.load())

        @functools.wraps(function)
        def handler(event: dict[str, Any], context: Any) -> R:  # noqa: ANN401  # the runtime's own object
            started = time.process_time()
            try:
                return function(event, wired())
            except WireError as exc:
                logger.warning("call failed", error=type(exc).__name__, code=exc.code)
                raise
            except Exception as exc:
                where = [f"{f.filename}:{f.lineno}" for f in traceback.extract_tb(exc.__traceback__)[-4:]]
                logger.error("call crashed", error=type(exc).__name__, where=where)  # noqa: TRY400  # messages may quote personal data
                raise
            finally:
                cpu_ms = round((time.process_time() - started) * 1000, 2)
                logger.info(
                    "metered",
                    request=getattr(context, "aws_request_id", ""),
                    cpu_ms=cpu_ms,
                    aws=METER.take(),
                )

        return handler

    return decorate
