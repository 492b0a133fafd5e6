"""The command line's composition root: `nightshift` starts here."""

import sys

from rich.console import Console

from nightshift.cli.main import Outside, build, run
from nightshift.clock import SystemClock
from nightshift.errors import Misconfigured

__all__ = ["main"]


def _identity_key(stage: str) -> str:
    """The stage's identity key, read with the caller's own AWS credentials.

    Raises:
        Misconfigured: there are no credentials, or they may not read it.
    """
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415  # 0.3 s that only this needs

    from nightshift.wiring.identity import identity_key  # noqa: PLC0415

    name = f"nightshift/{stage}/identity"
    try:
        return identity_key(name, SystemClock())
    except (BotoCoreError, ClientError) as exc:
        message = f"the secret {name} cannot be read with these AWS credentials ({type(exc).__name__})"
        raise Misconfigured(message, code="identity.key") from exc


def main() -> None:
    """Run the command line and leave with its exit code."""
    outside = Outside(clock=SystemClock(), identity_key=_identity_key, console=Console(highlight=False))
    sys.exit(run(build(outside)))
