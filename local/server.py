"""The local AWS as one process: `python -m local.server --port 4566 --state-dir .local`."""

import argparse
import asyncio
import contextlib
import gc
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from typing_extensions import override
from uvicorn import Config, Server
from uvicorn.loops.auto import auto_loop_factory

from local import durable

__all__ = ["ACCOUNT", "REGION", "ServerSettings", "main"]

ACCOUNT = "123456789012"
REGION = "us-east-1"
_PARENT_CHECK_SECONDS = 0.5
_SCHEDULER_TICK_SECONDS = 1
_KEEP_ALIVE_SECONDS = 75
_GRACE_SECONDS = 0.3
_COLLECT = (2_000, 10, 1_000)  # everything that is stored is an object here: going over all of it takes 0.3 s
_SWITCH_SECONDS = 0.0005  # state machines are threads: the event loop shall not wait 5 ms for each of them


@dataclass(frozen=True)
class ServerSettings:
    """What the command line says."""

    port: int
    state_dir: Path
    cache_dir: Path
    time_scale: float
    enforce_iam: bool
    reuse_limit: int
    outlive_parent: bool
    fsync: bool
    restore_to: float | None


def main() -> None:
    """Run until a signal, or until the parent process is gone."""
    settings = _parse(sys.argv[1:])
    sys.setswitchinterval(_SWITCH_SECONDS)
    gc.set_threshold(*_COLLECT)
    settings.state_dir.mkdir(parents=True, exist_ok=True)
    _configure_ministack(settings)
    with contextlib.suppress(KeyboardInterrupt), asyncio.Runner(loop_factory=auto_loop_factory()) as loop:
        loop.run(_serve(settings))
    # Threads that sleep in Wait states or long polls must not hold the process.
    os._exit(0)


def _parse(arguments: list[str]) -> ServerSettings:
    parser = argparse.ArgumentParser(prog="python -m local.server", description=__doc__)
    parser.add_argument("--port", type=int, default=4566)
    parser.add_argument("--state-dir", type=Path, required=True, help="data, logs and, unless told, caches")
    parser.add_argument("--cache-dir", type=Path, help="unzipped packages, shared between runs")
    scale = float(os.environ.get("LOCAL_TIME_SCALE", "1"))
    parser.add_argument(
        "--time-scale", type=float, default=scale, help="0.001 turns 1000 s of waiting into 1 s"
    )
    parser.add_argument(
        "--enforce-iam", action="store_true", help="check every call against the caller's role"
    )
    parser.add_argument("--reuse-limit", type=int, default=0, help="invocations per environment; 0: no limit")
    parser.add_argument("--outlive-parent", action="store_true", help="keep running when the starter is gone")
    parser.add_argument("--fsync", action="store_true", help="what is answered also survives a power cut")
    parser.add_argument(
        "--restore-to", type=_moment, help="begin with the tables as they were at this moment (ISO 8601)"
    )
    given = parser.parse_args(arguments)
    state_dir = given.state_dir.resolve()
    return ServerSettings(
        port=given.port,
        state_dir=state_dir,
        cache_dir=(given.cache_dir or state_dir).resolve(),
        time_scale=given.time_scale,
        enforce_iam=given.enforce_iam,
        reuse_limit=given.reuse_limit,
        outlive_parent=given.outlive_parent,
        fsync=given.fsync,
        restore_to=given.restore_to,
    )


def _moment(text: str) -> float:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise argparse.ArgumentTypeError("say the offset from UTC too")
    return moment.timestamp()


def _configure_ministack(settings: ServerSettings) -> None:
    """Ministack and moto read these once, when they are imported."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ.update(
        TZ="UTC",
        GATEWAY_PORT=str(settings.port),
        BIND_HOST="127.0.0.1",
        MINISTACK_ACCOUNT_ID=ACCOUNT,
        MINISTACK_REGION=REGION,
        AWS_DEFAULT_REGION=REGION,
        AUTH=str(settings.enforce_iam).lower(),
        IOT_MTLS_ENABLED="0",
        SFTP_ENABLED="0",
        LOG_LEVEL=os.environ.get("LOG_LEVEL", "WARNING"),
        **durable.environment(settings.state_dir / "data"),
    )
    time.tzset()


def _install(settings: ServerSettings) -> tuple[Any, Any]:
    from ministack.services import scheduler  # noqa: PLC0415 - reads the environment when imported

    from local import cloudformation, permissions, precedence, speed  # noqa: PLC0415
    from local.front import Front, count_calls  # noqa: PLC0415
    from local.lambdas import seam as lambda_seam  # noqa: PLC0415
    from local.lambdas.runner import LambdaRunner  # noqa: PLC0415
    from local.statemachines import seam as states_seam  # noqa: PLC0415
    from local.stats import Stats  # noqa: PLC0415

    # Its error lines print the whole program at each failed task; the history has it all.
    logging.getLogger("moto.stepfunctions.parser.asl.component.eval_component").setLevel(logging.CRITICAL)
    endpoint = f"http://127.0.0.1:{settings.port}"
    stats = Stats()
    variables = {"AWS_ENDPOINT_URL": endpoint}
    runner = LambdaRunner(settings.state_dir, settings.cache_dir, variables, stats, settings.reuse_limit)
    lambda_seam.install(runner, stats)
    engine = states_seam.install(endpoint, settings.time_scale, stats)
    cloudformation.install()
    permissions.install(engine.tokens, stats)
    durable.install(settings.state_dir / "data", sync=settings.fsync, restore_to=settings.restore_to)
    count_calls(stats)
    first = precedence.Precedence()
    precedence.polls_give_way(first)
    speed.install()
    scheduler._SCHEDULE_TICK_INTERVAL = _SCHEDULER_TICK_SECONDS
    about = {"time_scale": settings.time_scale, "enforce_iam": settings.enforce_iam, "pid": os.getpid()}
    return Front(runner, engine, stats, first, about), runner


async def _serve(settings: ServerSettings) -> None:
    front, runner = _install(settings)
    server = _server(front, settings.port)
    loop = asyncio.get_running_loop()

    def end() -> None:
        server.should_exit = True

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end)
    if not settings.outlive_parent:
        threading.Thread(target=_watch_parent, args=(loop, end), daemon=True).start()
    try:
        await server.serve()
    finally:
        runner.close()


def _server(front: Any, port: int) -> Server:
    grace: Any = _GRACE_SECONDS  # its type knows whole seconds only
    config = Config(
        front,
        port=port,
        loop="none",
        ws="none",
        lifespan="on",
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=grace,
        log_level=os.environ["LOG_LEVEL"].lower(),
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
    )
    return _Server(config)


class _Server(Server):
    @override
    def capture_signals(self) -> contextlib.AbstractContextManager[None]:  # type: ignore[override]
        """None: its own would end the process before its functions are ended."""
        return contextlib.nullcontext()


def _watch_parent(loop: asyncio.AbstractEventLoop, end: Callable[[], None]) -> None:
    parent = os.getppid()
    while os.getppid() == parent:
        time.sleep(_PARENT_CHECK_SECONDS)
    loop.call_soon_threadsafe(end)


if __name__ == "__main__":
    main()
