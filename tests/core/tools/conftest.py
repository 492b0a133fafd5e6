"""One run on real tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.scene import Scene, make_scene

if TYPE_CHECKING:
    from tests.conftest import FixedClock
    from tests.support.tables import Tables


@pytest.fixture
def scene(tables: Tables, clock: FixedClock) -> Scene:
    return make_scene(tables, clock)
