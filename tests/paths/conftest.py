"""One running installation for the tests of a process, deployed from the synthesised templates."""

from __future__ import annotations

import fcntl
from typing import TYPE_CHECKING

import pytest

from demo.assembly import assembly
from demo.shop import Shop, open_shop

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    state = tmp_path_factory.mktemp("shop") / "state"
    with (tmp_path_factory.getbasetemp().parent / "assembly.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the first process synthesises, the others find it done
        assembly()
    with open_shop(state) as opened:
        yield opened
