from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.intake import Intake, make_intake

if TYPE_CHECKING:
    from tests.conftest import FixedClock
    from tests.support.tables import Tables


@pytest.fixture
def intake(tables: Tables, clock: FixedClock) -> Intake:
    return make_intake(tables, clock)
