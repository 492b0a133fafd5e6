"""The list behind `make prove` fits the code and the promises."""

from pathlib import Path

import pytest

from tests.guarantees import GUARANTEES
from tests.mutations import MUTATIONS, Mutation

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda m: m.guarantee)
def test_the_code_behind_a_promise_stands_where_the_list_says(mutation: Mutation):
    assert (ROOT / mutation.file).read_text(encoding="utf-8").count(mutation.old) == 1
    assert mutation.guarantee in {promise.id for promise in GUARANTEES}
