"""Eight threads at once, and patience with lost races."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from nightshift.errors import Conflict

if TYPE_CHECKING:
    from collections.abc import Callable


def insist(work: Callable[[], object]) -> None:
    """Call until no other writer was faster."""
    won = False
    while not won:
        with suppress(Conflict):
            work()
            won = True


def together(work: Callable[[int], object]) -> None:
    """Run `work(0)` … `work(7)` at once; an error of any is raised here."""
    failures: list[BaseException] = []

    def guarded(number: int) -> None:
        try:
            work(number)
        except BaseException as exc:  # noqa: BLE001  # carried to the test's own thread
            failures.append(exc)

    threads = [threading.Thread(target=guarded, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
