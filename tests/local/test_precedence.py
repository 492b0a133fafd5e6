"""HTTP APIs come first on this machine, and nothing starves for it."""

import threading
import time

import pytest
from ministack.services import lambda_svc, scheduler

from local import precedence
from local.precedence import Precedence


def test_what_polls_goes_on_at_once_when_no_request_is_under_way():
    began = time.monotonic()
    Precedence().give_way()
    assert time.monotonic() - began < 0.05


def test_what_polls_gives_way_to_requests(monkeypatch: pytest.MonkeyPatch):
    polled: list[float] = []
    monkeypatch.setattr(lambda_svc, "_poll_sqs", lambda: polled.append(time.monotonic()))
    monkeypatch.setattr(scheduler, "_tick_schedules", scheduler._tick_schedules)
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


def test_schedules_give_way_to_requests(monkeypatch: pytest.MonkeyPatch):
    ticked: list[float] = []
    monkeypatch.setattr(lambda_svc, "_poll_sqs", lambda_svc._poll_sqs)
    monkeypatch.setattr(scheduler, "_tick_schedules", lambda: ticked.append(time.monotonic()))
    first = Precedence()
    precedence.polls_give_way(first)
    with first.request():
        clock = threading.Thread(target=scheduler._tick_schedules)
        clock.start()
        clock.join(0.2)
        assert ticked == []
    clock.join(5)
    assert len(ticked) == 1


def test_what_polls_waits_for_a_bounded_time_only(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(precedence, "_MOST_SECONDS", 0.1)
    first = Precedence()
    with first.request():
        began = time.monotonic()
        first.give_way()
        assert 0.1 <= time.monotonic() - began < 2
