from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.workshop import make_workshop

if TYPE_CHECKING:
    from tests.conftest import FixedClock
    from tests.support.tables import Tables
    from tests.support.workshop import Workshop


@pytest.fixture
def shop(tables: Tables, clock: FixedClock) -> Workshop:
    return make_workshop(tables, clock)
