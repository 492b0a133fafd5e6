from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.desk import make_desk

if TYPE_CHECKING:
    from nightshift.api.desk import Desk
    from tests.conftest import FixedClock
    from tests.support.tables import Tables


@pytest.fixture
def desk(tables: Tables, clock: FixedClock) -> Desk:
    return make_desk(tables, clock)
