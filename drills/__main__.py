"""Carry out drills: `python -m drills kill`, `… all`, `… chaos --kills 1000`."""

import argparse
import contextlib
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from rich.console import Console

from drills.act import perform
from drills.catalogue import DRILLS
from drills.chaos import Plan, chaos
from drills.floor import Floor, open_floor
from drills.sleepers import sleepers
from drills.verdict import Verdict, show, total

__all__ = ["main"]

_SPEED = 4.0  # then the third try after a kill comes just after its lease
_PATIENCE = 400.0
_SLEEPERS = 10_000


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out what is asked; 0 if it was passed."""
    given = _parse(arguments)
    console = Console(highlight=False)
    began = time.monotonic()

    def say(what: str) -> None:
        console.print(f"[dim]{time.monotonic() - began:6.1f} s[/]  {what}")

    if given.name == "sleepers":
        with _state(given.state) as state, open_floor(state, speed=given.speed, say=say) as floor:
            slept = sleepers(floor, given.cases or _SLEEPERS)
        say(slept.words())
        return 0 if slept.no_slower else 1
    if given.name == "chaos":
        say(f"seed {given.seed}")
        with _state(given.state) as state, open_floor(state, speed=given.speed, say=say) as floor:
            verdicts = _chaos(floor, given, console)
    else:
        names = list(DRILLS) if given.name == "all" else [given.name]
        verdicts = [_one(name, given, say) for name in names]
    for verdict in verdicts:
        show(verdict, console)
    if given.name == "chaos":
        show(total(verdicts), console)
    return 0 if all(verdict.ok for verdict in verdicts) else 1


def _chaos(floor: Floor, given: argparse.Namespace, console: Console) -> list[Verdict]:
    plan = Plan(kills=given.kills, patience=given.patience)
    verdicts = []
    for verdict in chaos(floor, plan, seed=given.seed):
        verdicts.append(verdict)
        console.print(f"  {verdict.name}: {'passed' if verdict.ok else 'FAILED'}")
    return verdicts


def _one(name: str, given: argparse.Namespace, say: Callable[[str], None]) -> Verdict:
    drill = DRILLS[name]
    say(f"[bold]{drill.name}[/]: {drill.title}")
    with _state(given.state) as state, open_floor(state, speed=given.speed, say=say) as floor:
        cases = given.cases or drill.cases
        return perform(drill, floor, cases=cases, seed=given.seed, patience=given.patience)


@contextlib.contextmanager
def _state(given: Path | None) -> Iterator[Path]:
    """Where the installation lives: kept when the caller named the folder."""
    folder = given or Path(tempfile.mkdtemp(prefix="drill-"))
    try:
        yield folder / "state"
    finally:
        if given is None:
            shutil.rmtree(folder, ignore_errors=True)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m drills", description=__doc__)
    parser.add_argument("name", choices=[*DRILLS, "all", "chaos", "sleepers"])
    parser.add_argument("--cases", type=int, help="customers who come; each drill has its own number")
    parser.add_argument("--kills", type=int, default=1000, help="of chaos")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="repeats what was random")
    parser.add_argument("--speed", type=float, default=_SPEED, help="how much faster state machines wait")
    parser.add_argument("--patience", type=float, default=_PATIENCE, help="seconds the cases get to end")
    parser.add_argument("--state", type=Path, help="keep the installation's data and logs here")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
