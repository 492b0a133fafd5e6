"""Start the demo: `python -m demo run` or `python -m demo once`."""

import argparse
import contextlib
import signal
import socket
import sys
import threading
import time
from collections.abc import Sequence
from types import FrameType

from rich.console import Console
from rich.padding import Padding
from rich.rule import Rule
from rich.text import Text

from demo.assembly import ROOT, NotSynthesised
from demo.shop import NeverHappened, Shop, open_shop
from demo.stories import STORIES, Story, Told
from demo.tenant import PEOPLE, write_profile
from local.deploy import DeployError
from nightshift.cli.timeline import timeline
from nightshift.errors import NightshiftError

__all__ = ["main"]

_LOCAL = ROOT / ".local"
_USUAL_PORT = 4566
_BROKEN = (NotSynthesised, DeployError, RuntimeError, OSError)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    parser.add_argument("mode", choices=("run", "once"))
    parser.add_argument("--only", help="tell only these stories: " + ", ".join(s.id for s in STORIES))
    parser.add_argument("--quiet", action="store_true", help="no timelines, only how each story came out")
    given = parser.parse_args(arguments)
    wanted = _chosen(parser, given.only)
    console = Console(highlight=False)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        return _demo(console, wanted, stays=given.mode == "run", quiet=given.quiet)
    except KeyboardInterrupt:
        console.print("\nended")
        return 0
    except _BROKEN as exc:
        console.print(Text(f"the demo could not start: {exc}", style="red"))
        return 1


def _chosen(parser: argparse.ArgumentParser, only: str | None) -> list[Story]:
    names = only.split(",") if only else [story.id for story in STORIES]
    unknown = sorted(set(names) - {story.id for story in STORIES})
    if unknown:
        parser.error(f"--only: no story {', '.join(unknown)}; there are {', '.join(s.id for s in STORIES)}")
    return [story for story in STORIES if story.id in names]


def _demo(console: Console, stories: list[Story], *, stays: bool, quiet: bool) -> int:
    started = time.monotonic()

    def say(what: str) -> None:
        console.print(f"[dim]{time.monotonic() - started:5.1f} s[/]  {what}")

    with open_shop(_LOCAL / "state", port=_port(), say=say) as shop:
        write_profile(_LOCAL / "profile.json", api=shop.api, people=shop.people, fakes=shop.fakes)
        failed = [story for story in stories if not _tell(console, shop, story, quiet=quiet)]
        console.print(Rule(style="dim"))
        say(f"{len(stories) - len(failed)} of {len(stories)} stories came out as told")
        if stays:
            _where_to_look(console, shop)
            _wait()
    return 1 if failed else 0


def _tell(console: Console, shop: Shop, story: Story, *, quiet: bool) -> bool:
    told = Told()
    begun = time.monotonic()
    try:
        story.tell(shop, told)
    except (NeverHappened, NightshiftError) as exc:
        told.problems.append(str(exc))
    took = time.monotonic() - begun
    console.print(Rule(Text(f"{STORIES.index(story) + 1} · {story.title}"), align="left", style="bold"))
    if not quiet:
        for case in told.cases:
            entries = shop.timeline(case)
            console.print(Padding(timeline(entries, title=case), (0, 0, 1, 2)))
    for fact in told.facts:
        console.print(Text(f"  ✓ {fact}", style="green"))
    for problem in told.problems:
        console.print(Text(f"  ✗ {problem}", style="red"))
    console.print(f"  [dim]{took:.1f} s[/]")
    return not told.problems


def _where_to_look(console: Console, shop: Shop) -> None:
    console.print(f"""
The shop stays open. The API is {shop.api} ([dim]/v1/openapi.json[/] describes it).
You are ana, a manager; [dim]--as {"|".join(PEOPLE)}[/] is somebody else. In another terminal:

  [bold].venv/bin/nightshift cases[/]              every case
  [bold].venv/bin/nightshift case ID[/]            one case with its timeline; the first letters will do
  [bold].venv/bin/nightshift approvals[/]          what waits for a person
  [bold].venv/bin/nightshift approve ID --note …[/]
  [bold].venv/bin/nightshift send demo/examples/complaint.json[/]
  [bold].venv/bin/nightshift log verify[/]         prove the log by its signed anchors
  [bold].venv/bin/nightshift doctor[/]

Ctrl-C ends it.""")


def _wait() -> None:
    with contextlib.suppress(KeyboardInterrupt):
        threading.Event().wait()


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _port() -> int:
    """The port local AWS emulators use, or 0 (any) when it is taken."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", _USUAL_PORT))
        except OSError:
            return 0
    return _USUAL_PORT


if __name__ == "__main__":
    sys.exit(main())
