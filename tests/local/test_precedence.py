"""HTTP APIs come first on this machine, and nothing starves for it."""

import threading
import time

import pytest
from ministack.services import lambda_svc, sqs

from local import precedence
from local.precedence import Precedence


def test_what_polls_goes_on_at_once_when_no_request_is_under_way():
    began = time.monotonic()
    Precedence().give_way()
    assert time.monotonic() - began < 0.05


def test_what_polls_gives_way_to_requests(monkeypatch: pytest.MonkeyPatch):
    polled: list[float] = []
    monkeypatch.setattr(lambda_svc, "_poll_sqs", lambda: polled.append(time.monotonic()))
    first = Precedence()
    precedence.polls_give_way(first)
    with first.request():
        poller = threading.Thread(target=lambda_svc._poll_sqs)
        poller.start()
        poller.join(0.2)
        assert polled == []
    ended = time.monotonic()
    poller.join(5)
    assert ended <= polled[0] < ended + 2


def test_what_polls_waits_for_a_bounded_time_only(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(precedence, "_MOST_SECONDS", 0.1)
    first = Precedence()
    with first.request():
        began = time.monotonic()
        first.give_way()
        assert 0.1 <= time.monotonic() - began < 2


def test_a_queue_forgets_ids_after_their_five_minutes(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sqs, "_prune_dedup", sqs._prune_dedup)
    precedence.forget_duplicates_in_turn()
    now = time.time()
    queue = {
        "dedup_cache": {"old": {"expire": now - 2}, "older": {"expire": now - 1}, "new": {"expire": now + 60}}
    }
    sqs._prune_dedup(queue)
    assert list(queue["dedup_cache"]) == ["new"]
    sqs._prune_dedup(queue)
    assert list(queue["dedup_cache"]) == ["new"]
