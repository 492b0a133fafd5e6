"""One installation whose state machines wait a hundred thousandth of the time: a day takes 0.86 s.

Its functions run on the real clock. So the lease of an effect, 45 s in the templates, is cut to what
fits between two scaled attempts; everything else is deployed as it stands.
"""

from __future__ import annotations

import fcntl
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from demo.assembly import assembly
from demo.shop import open_shop
from tests.adapters.official import OFFICIAL, watched
from tests.support.installation import Installation

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fakes.shopify_books import OrderRecord

TIME_SCALE = 1e-5
LEASE_SECONDS = "0.05"
ANSWER_WITHIN = timedelta(days=30)  # the longest a policy may say: 26 s
"""How long people have for an answer, unless a test says otherwise."""


@pytest.fixture(scope="session")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the local AWS keeps its logs."""
    return tmp_path_factory.mktemp("sagas") / "state"


@pytest.fixture(scope="session")
def installed(state: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """The installation, for all tests of the sagas; its shop's requests are judged by the official schema."""
    with (tmp_path_factory.getbasetemp().parent / "assembly.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the first process synthesises, the others find it done
        assembly()
    with watched(), open_shop(state, time_scale=TIME_SCALE) as shop:
        made = Installation(shop)
        for adapter in ("adapter-shopify", "adapter-contact"):
            made.set_for_good(adapter, LEASE_SECONDS=LEASE_SECONDS)
        rules = made.policy_in_force().approvals
        slow = rules.model_copy(update={"expires_seconds": int(ANSWER_WITHIN.total_seconds())})
        with made.policy(approvals=slow):
            yield made
    assert OFFICIAL.problems == []


@pytest.fixture(scope="session")
def silent(installed: Installation) -> OrderRecord:
    """An order whose customer reports a broken item and is never heard of again; begun with the session."""
    order = installed.order()
    installed.shop.message(order, "My teapot arrived broken.")
    return order


@pytest.fixture
def saga(installed: Installation, silent: OrderRecord) -> Iterator[Installation]:
    """The installation, with no fault asked of its vendors before or after a test."""
    del silent  # its two deadlines, 4.3 s, pass while the first tests run
    yield installed
    installed.shop.vendor.faults.clear()
    installed.shop.store.faults.clear()
    installed.free_lanes()  # a breaker that a fault opened stays so for real minutes
