"""The Merkle tree: every leaf has a way to the root, and nothing else has."""

from __future__ import annotations

import hashlib

from hypothesis import assume, given
from hypothesis import strategies as st

from nightshift.actionlog.merkle import path, root, root_by

leaves = st.lists(st.binary(max_size=4), min_size=1, max_size=40)


@given(leaves, st.data())
def test_each_leaf_leads_to_the_root(given_: list[bytes], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(given_) - 1))
    way = path(given_, index)
    assert root_by(given_[index], index, count=len(given_), path=way) == root(given_)


@given(leaves, st.binary(max_size=4), st.data())
def test_another_leaf_does_not(given_: list[bytes], other: bytes, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(given_) - 1))
    assume(other != given_[index])
    assert root_by(other, index, count=len(given_), path=path(given_, index)) != root(given_)


@given(leaves, st.integers(-3, 60), st.integers(0, 60))
def test_a_way_that_does_not_fit_the_tree_leads_nowhere(given_: list[bytes], index: int, count: int) -> None:
    way = path(given_, 0)
    assume((index, count) != (0, len(given_)))
    found = root_by(given_[0], index, count=count, path=way)
    assert found == "" or not 0 <= index < len(given_) or given_[index] == given_[0] or found != root(given_)


@given(leaves, st.data())
def test_every_leaf_and_their_order_count(given_: list[bytes], data: st.DataObject) -> None:
    changed = data.draw(st.permutations(given_) | st.just([*given_, b"more"]))
    assume(list(changed) != given_)
    assert root(list(changed)) != root(given_)


def test_it_is_the_tree_of_rfc_6962() -> None:
    # the vectors every Certificate Transparency log is tested with
    given_ = [b"", b"\x00", b"\x10", b"\x20\x21", b"\x30\x31", b"\x40\x41\x42\x43"]
    assert root(given_[:1]) == hashlib.sha256(b"\x00").hexdigest()
    assert root(given_[:2]) == "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"
    assert root(given_[:3]) == "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"
    assert root(given_) == "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef"
