"""One installation for the short forms of all drills."""

from __future__ import annotations

import fcntl
import time
from typing import TYPE_CHECKING

import pytest

from demo.assembly import assembly
from drills.floor import Floor, open_floor

if TYPE_CHECKING:
    from collections.abc import Iterator

SPEED = 4.0
_BEGAN = time.monotonic()


def say(what: str) -> None:
    print(f"{time.monotonic() - _BEGAN:6.1f} s  {what}")  # noqa: T201  # shown when a drill fails


@pytest.fixture(scope="session")
def floor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Floor]:
    with (tmp_path_factory.getbasetemp().parent / "assembly.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the first process synthesises, the others find it done
        assembly()
    with open_floor(tmp_path_factory.mktemp("drills") / "state", speed=SPEED, say=say) as opened:
        yield opened
