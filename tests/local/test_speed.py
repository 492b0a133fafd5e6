"""What is not done anew comes out the same."""

import time

import pytest
from ministack.services import dynamodb, sqs

from local import speed


def test_a_queue_forgets_ids_after_their_five_minutes(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sqs, "_prune_dedup", sqs._prune_dedup)
    speed.forget_duplicates_in_turn()
    now = time.time()
    queue = {
        "dedup_cache": {"old": {"expire": now - 2}, "older": {"expire": now - 1}, "new": {"expire": now + 60}}
    }
    sqs._prune_dedup(queue)
    assert list(queue["dedup_cache"]) == ["new"]
    sqs._prune_dedup(queue)
    assert list(queue["dedup_cache"]) == ["new"]


def test_a_condition_is_read_once(monkeypatch: pytest.MonkeyPatch):
    theirs, read = dynamodb._tokenize, []

    def counted(expression: str) -> list[tuple[str, str]]:
        read.append(expression)
        return list(theirs(expression))

    monkeypatch.setattr(dynamodb, "_tokenize", counted)
    monkeypatch.setattr(dynamodb, "_condition_syntax_error", dynamodb._condition_syntax_error)
    speed.read_conditions_once()
    condition = "a = :one AND begins_with(b, :two)"
    values = {":one": {"S": "x"}, ":two": {"S": "y"}}
    items = [{"a": {"S": "x"}, "b": {"S": b}} for b in ("y1", "n", "y2")]
    found = [dynamodb._evaluate_condition(condition, item, values, {}) for item in items]
    assert found == [True, False, True]
    assert read == [condition]
