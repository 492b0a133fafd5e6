"""One running installation for the tests of a process, deployed from the synthesised templates."""

from __future__ import annotations

import fcntl
from typing import TYPE_CHECKING

import pytest

from demo.assembly import assembly
from demo.shop import Shop, open_shop
from tests.adapters.official import OFFICIAL, watched
from tests.paths.lasting import Lasting
from tests.paths.neighbour import Neighbour
from tests.support.installation import Installation

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LAST = "test_no_personal_data.py"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What looks at everything that was logged comes after all that may log something."""
    items.sort(key=lambda item: item.path.name == LAST)


@pytest.fixture(scope="session")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the local AWS keeps its logs."""
    return tmp_path_factory.mktemp("shop") / "state"


@pytest.fixture(scope="session")
def opened(state: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """The installation as it starts; every GraphQL request to its shops is judged by the official schema."""
    with (tmp_path_factory.getbasetemp().parent / "assembly.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the first process synthesises, the others find it done
        assembly()
    with watched(), open_shop(state) as shop:
        yield shop
    assert OFFICIAL.problems == []


@pytest.fixture(scope="session")
def installed(opened: Shop) -> Installation:
    return Installation(opened)


@pytest.fixture(scope="session")
def lasting(installed: Installation) -> Lasting:
    return Lasting(installed)


@pytest.fixture(scope="session")
def shop(request: pytest.FixtureRequest, opened: Shop) -> Shop:
    wanted = {name for item in request.session.items for name in getattr(item, "fixturenames", ())}
    if "lasting" in wanted:
        request.getfixturevalue("lasting")  # first of all: their minute passes while other tests run
    return opened


@pytest.fixture(autouse=True)
def free_lanes(request: pytest.FixtureRequest) -> Iterator[None]:
    """A breaker that a fault opened, or a channel that it stopped, does not outlive the test."""
    yield
    if "installed" in request.fixturenames:
        installation: Installation = request.getfixturevalue("installed")
        installation.free_lanes()


@pytest.fixture(scope="session")
def neighbour(installed: Installation, shop: Shop) -> Iterator[Neighbour]:
    del shop  # that is: after the lasting ones have begun
    made = Neighbour(installed, "neighbour")
    yield made
    made.close()
