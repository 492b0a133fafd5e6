"""How many instants of the crash matrix a run takes: `make matrix` every one, `make test` a part of some.

The refund that `test_crash.py` kills goes through the door every adapter shares, and is killed before each
line in every run. The adapters' own matrices take each third line, beginning at another one for each tool,
so that the lines they share are all met; with `NIGHTSHIFT_MATRIX=whole` they take each line too.
"""

import os
from typing import Final

__all__ = ["SKIP", "instants"]

SKIP: Final = 1 if os.environ.get("NIGHTSHIFT_MATRIX") == "whole" else 3


def instants(lines: int, *, share: int = 0, shares: int = 1) -> range:
    """The lines to be killed before, of so many; `share` of `shares` splits them between tests."""
    return range(1 + share, lines + 1, shares * SKIP)
