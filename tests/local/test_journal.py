"""The journal: a torn end is dropped, damage is named, growth is bounded, any moment can be gone back to."""

import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.durable import journal as module
from local.durable.journal import DamagedJournal, Image, Journal, RestorePointGone

TABLE = "arn:aws:dynamodb:us-east-1:123456789012:table/t 1"


def put(pk: str, sk: str, n: int | None) -> dict[str, Any]:
    return {"items": [[TABLE, pk, sk, None if n is None else {"n": {"N": str(n)}}]]}


def items(image: Image) -> dict[str, Any]:
    return {
        pk: {sk: int(i["n"]["N"]) for sk, i in ss.items()} for pk, ss in image.tables.get(TABLE, {}).items()
    }


def written(folder: Path, *lines: dict[str, Any]) -> None:
    journal, _ = Journal.open(folder)
    for line in lines:
        journal.append(line)
    journal.close()


def opened(folder: Path, until: float | None = None) -> Image:
    journal, image = Journal.open(folder, until=until)
    journal.close()
    return image


def segments(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.segment"))


CHANGES = st.lists(
    st.tuples(st.sampled_from("ab"), st.sampled_from("xy"), st.none() | st.integers(0, 9)), max_size=20
)


@given(CHANGES, st.integers(0, 20))
@settings(max_examples=25, deadline=None)
def test_any_changes_over_any_number_of_lives_are_there(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[str, str, int | None]], cut: int
) -> None:
    folder = tmp_path_factory.mktemp("journal")
    wanted: dict[str, dict[str, int]] = {}
    for life in (changes[:cut], changes[cut:]):
        written(folder, *(put(*change) for change in life))
        for pk, sk, n in life:
            if n is None:
                wanted.get(pk, {}).pop(sk, None)
            else:
                wanted.setdefault(pk, {})[sk] = n
        assert items(opened(folder)) == {pk: kept for pk, kept in wanted.items() if kept}


@given(st.integers(1, 400))
@settings(max_examples=30, deadline=None)
def test_wherever_the_last_line_is_cut_off_the_lines_before_it_are_there(
    tmp_path_factory: pytest.TempPathFactory, off: int
) -> None:
    folder = tmp_path_factory.mktemp("journal")
    written(folder, put("a", "x", 1))
    whole = segments(folder)[0].stat().st_size
    written(folder, put("a", "y", 2))
    path = segments(folder)[0]
    path.write_bytes(path.read_bytes()[: max(whole, path.stat().st_size - off)])
    assert items(opened(folder)) == {"a": {"x": 1}}
    written(folder, put("a", "z", 3))
    assert items(opened(folder)) == {"a": {"x": 1, "z": 3}}


def test_damage_in_the_middle_is_named_and_nothing_is_started(tmp_path: Path) -> None:
    written(tmp_path, put("a", "x", 1), put("a", "y", 2))
    path = segments(tmp_path)[0]
    path.write_bytes(path.read_bytes().replace(b'"x"', b'"x', 1))
    with pytest.raises(DamagedJournal, match="line"):
        Journal.open(tmp_path)


def test_a_segment_left_half_written_by_a_kill_is_not_taken_for_one(tmp_path: Path) -> None:
    written(tmp_path, put("a", "x", 1))
    (tmp_path / "00000002.new").write_text('{"at":1,"form')
    assert items(opened(tmp_path)) == {"a": {"x": 1}}
    assert [path.name for path in tmp_path.iterdir()] == ["00000001.segment"]


def test_it_does_not_grow_without_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_COMPACT_BYTES", 2_000)
    for _ in range(12):
        written(tmp_path, *(put("a", "x", n) for n in range(100)))
    kept = segments(tmp_path)
    assert len(kept) <= 8
    assert items(opened(tmp_path)) == {"a": {"x": 99}}
    assert segments(tmp_path)[-1].stat().st_size < 2_000 + 10_000


def test_it_goes_back_to_any_moment_it_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_COMPACT_BYTES", 0)  # each life begins a segment
    now = [1000.0]
    monkeypatch.setattr(time, "time", lambda: now[0])
    for n in range(5):
        now[0] = 1000.0 + 10 * n
        written(tmp_path, put("a", "x", n))
    now[0] = 1050.0
    assert items(opened(tmp_path, until=1025.0)) == {"a": {"x": 2}}
    now[0] = 1060.0
    written(tmp_path, put("a", "y", 7))
    assert items(opened(tmp_path)) == {"a": {"x": 2, "y": 7}}
    assert items(opened(tmp_path, until=1041.0)) == {"a": {"x": 4}}  # before the first restore


def test_it_says_how_far_back_it_reaches(tmp_path: Path) -> None:
    written(tmp_path, put("a", "x", 1))
    with pytest.raises(RestorePointGone, match=r"the journal begins at \d{4}-"):
        Journal.open(tmp_path, until=1000.0)


def test_going_back_leaves_what_other_services_noted(tmp_path: Path) -> None:
    written(tmp_path, put("a", "x", 1))
    moment = time.time()
    time.sleep(0.002)
    marks = [["object retention", "'k'", {"Mode": "COMPLIANCE"}], ["stream positions", "'e'", 4]]
    written(tmp_path, put("a", "x", 2), {"marks": marks, "streams": {TABLE: [{"dynamodb": {}}]}})
    back = opened(tmp_path, until=moment)
    assert items(back) == {"a": {"x": 1}}
    assert back.marks == {"object retention": {"'k'": {"Mode": "COMPLIANCE"}}}
    assert back.streams == {}
