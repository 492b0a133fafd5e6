"""What becomes of a request to a vendor that ends before, in, or after its answer."""

from __future__ import annotations

import traceback
from collections.abc import Iterator

import httpx
import pytest
from pydantic import BaseModel

from nightshift.errors import Misconfigured, OutcomeUnknown, Rejected, Retryable, Throttled, WireError
from nightshift.outbound import READ, WRITE, TimeLeft, Token, Vendor, pool, timeouts
from nightshift.tools.heard import Heard
from nightshift.tools.meaning import SLOW_DOWN, TROUBLE, Meaning

GONE = Meaning.both(Misconfigured, "vendor.address", "is not there")
ACME = Vendor(who="Acme", statuses={404: GONE, 429: SLOW_DOWN}, no_such=GONE)
SECRET = "shpat_hidden"


class Parcel(BaseModel):
    """An answer of the vendor."""

    weight: int


def ended(by: Exception, *, writes: bool) -> WireError:
    def request() -> httpx.Response:
        raise by

    with pytest.raises(WireError) as caught:
        ACME.exchange(WRITE if writes else READ, request)
    assert caught.value.__cause__ is by
    return caught.value


@pytest.mark.parametrize("writes", [False, True])
@pytest.mark.parametrize(
    "by", [httpx.ConnectError("refused"), httpx.ConnectTimeout("late"), httpx.PoolTimeout("full")]
)
def test_what_was_never_sent_may_be_sent_again(by: Exception, *, writes: bool):
    error = ended(by, writes=writes)
    assert (type(error), error.code) == (Retryable, "vendor.unreached")


@pytest.mark.parametrize(
    ("by", "code"),
    [
        (httpx.ReadTimeout("late"), "vendor.timeout"),
        (httpx.WriteTimeout("late"), "vendor.timeout"),
        (httpx.ReadError("reset"), "vendor.dropped"),
        (httpx.WriteError("reset"), "vendor.dropped"),
        (httpx.RemoteProtocolError("half an answer"), "vendor.dropped"),
        (httpx.DecodingError("not gzip"), "vendor.dropped"),
    ],
)
def test_what_may_have_arrived_is_unknown_if_it_writes(by: Exception, code: str):
    asked, done = ended(by, writes=False), ended(by, writes=True)
    assert (type(asked), asked.code) == (Retryable, code)
    assert (type(done), done.code) == (OutcomeUnknown, code)


@pytest.mark.parametrize("by", [httpx.InvalidURL("no host"), httpx.UnsupportedProtocol("ftp")])
def test_an_address_that_no_request_can_go_to_is_for_a_person(by: Exception):
    error = ended(by, writes=True)
    assert (type(error), error.code) == (Misconfigured, "vendor.address")


def test_a_body_of_another_shape_is_kept_for_drift_and_quoted_nowhere():
    heard, body = Heard(), f'{{"weight": "{SECRET}"}}'.encode()
    with pytest.raises(OutcomeUnknown) as caught:
        ACME.parsed(WRITE, Parcel, body, heard)
    assert caught.value.code == "vendor.shape"
    assert heard.sample == body
    assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_a_body_that_fits_is_no_drift():
    heard = Heard()
    assert ACME.parsed(READ, Parcel, b'{"weight": 3, "colour": "red"}', heard) == Parcel(weight=3)
    assert heard.sample is None


@pytest.mark.parametrize("left", [0.0, -1.5])
def test_without_time_left_nothing_is_sent(left: float):
    with pytest.raises(Retryable) as caught:
        ACME.timeouts(WRITE, left)
    assert caught.value.code == "vendor.slow"


@pytest.mark.parametrize(("given", "connect"), [(6.0, 2.0), (0.5, 0.5)])
def test_a_request_connects_within_its_own_time(given: float, connect: float):
    assert ACME.timeouts(READ, given) == timeouts(given) == httpx.Timeout(given, connect=connect)


def test_time_left_runs_with_its_clock():
    ticks: Iterator[float] = iter([100.0, 103.0, 111.0])
    time_left = TimeLeft(10.0, lambda: next(ticks))
    assert [time_left.left(), time_left.left()] == [7.0, -1.0]


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_credentials_that_a_token_endpoint_refuses_are_for_a_person(status: int):
    with pytest.raises(Misconfigured) as caught:
        ACME.granted(READ, lambda: httpx.Response(status, text=SECRET))
    assert caught.value.code == "oauth.refused"


def test_a_token_endpoint_that_asks_to_slow_down_is_left_alone_so_long():
    busy = httpx.Response(429, headers={"Retry-After": "7"})
    with pytest.raises(Throttled) as caught:
        ACME.granted(READ, lambda: busy)
    assert caught.value.retry_after == 7.0


@pytest.mark.parametrize(
    "answer",
    [
        {"access_token": "", "expires_in": 60, "refresh_token": SECRET},
        {"access_token": SECRET},
        {"access_token": SECRET, "expires_in": 0},
        [SECRET],
    ],
)
def test_a_grant_of_another_shape_is_trouble_and_its_token_is_quoted_nowhere(answer: object):
    with pytest.raises(Retryable) as caught:
        ACME.granted(READ, lambda: httpx.Response(200, json=answer))
    assert caught.value.code == TROUBLE.code
    assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_a_granted_token_shows_itself_to_nobody_who_prints_it():
    said = {"access_token": SECRET, "expires_in": 60, "refresh_token": f"{SECRET}_2"}
    granted = ACME.granted(READ, lambda: httpx.Response(200, json=said))
    assert (granted.access_token, granted.expires_in) == (SECRET, 60.0)
    assert granted.refresh_token == f"{SECRET}_2"
    assert SECRET not in repr(granted) + repr(Token.model_validate(said))


def test_a_message_names_the_operation_and_what_was_told():
    class Asked:
        name, writes = "createOffer", True

    with pytest.raises(Rejected) as caught:
        ACME.fail(Asked(), Meaning.both(Rejected, "listing.refused", "refuses it"), told="25019")
    assert "createOffer: 25019" in str(caught.value)


def test_one_pool_serves_every_client_and_follows_no_redirect():
    assert pool() is pool()
    assert not pool().follow_redirects
    assert not pool().trust_env
