"""A token proves who somebody is, for a while, and nothing else does."""

import base64
import json
from datetime import timedelta

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightshift.errors import BadInput, Misconfigured, NotIdentified
from nightshift.identity.token import LONGEST, Identity, issue, verify
from nightshift.ids import TenantId
from tests.conftest import FixedClock

KEY = "k" * 32
ANA = Identity(tenant=TenantId("acme"), staff="ana")
HOUR = timedelta(hours=1)


def signed(clock: FixedClock, key: str = KEY, algorithm: str = "HS256", **changes: object) -> str:
    now = int(clock.now().timestamp())
    claims = {"sub": "ana", "tenant": "acme", "aud": "nightshift", "iat": now, "exp": now + 3600, **changes}
    return jwt.encode({k: v for k, v in claims.items() if v is not None}, key, algorithm=algorithm)


def test_a_token_proves_tenant_and_person(clock: FixedClock):
    assert verify(issue(KEY, ANA, at=clock.now(), lasts=HOUR), KEY, at=clock.now()).who == ANA


def test_a_token_carries_no_role(clock: FixedClock):
    claims = jwt.decode(issue(KEY, ANA, at=clock.now(), lasts=HOUR), options={"verify_signature": False})
    assert set(claims) == {"sub", "tenant", "aud", "iat", "exp"}


def test_an_expired_token_proves_nothing(clock: FixedClock):
    token = issue(KEY, ANA, at=clock.now(), lasts=HOUR)
    clock.advance(3600)
    with pytest.raises(NotIdentified):
        verify(token, KEY, at=clock.now())


def test_a_token_is_good_until_its_last_second(clock: FixedClock):
    token = issue(KEY, ANA, at=clock.now(), lasts=HOUR)
    clock.advance(3599)
    assert verify(token, KEY, at=clock.now()).who == ANA


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "another-service"},
        {"aud": ["nightshift", "another-service"]},
        {"aud": None},
        {"sub": None},
        {"sub": ""},
        {"tenant": None},
        {"tenant": 7},
        {"exp": None},
        {"exp": "soon"},
        {"iat": None},
        {"role": "admin"},
    ],
    ids=str,
)
def test_a_token_with_other_claims_proves_nothing(clock: FixedClock, changes: dict[str, object]):
    with pytest.raises(NotIdentified):
        verify(signed(clock, **changes), KEY, at=clock.now())


def test_a_token_from_the_future_proves_nothing_yet(clock: FixedClock):
    later = int(clock.now().timestamp()) + 120
    with pytest.raises(NotIdentified):
        verify(signed(clock, iat=later, exp=later + 60), KEY, at=clock.now())


def test_a_token_that_lasts_longer_than_allowed_proves_nothing(clock: FixedClock):
    forever = int((clock.now() + LONGEST + timedelta(days=1)).timestamp())
    with pytest.raises(NotIdentified):
        verify(signed(clock, exp=forever), KEY, at=clock.now())


def test_a_token_signed_with_another_key_proves_nothing(clock: FixedClock):
    with pytest.raises(NotIdentified):
        verify(signed(clock, key="x" * 32), KEY, at=clock.now())


def test_an_unsigned_token_proves_nothing(clock: FixedClock):
    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    _, claims, _ = signed(clock).split(".")
    forged = f"{part({'alg': 'none', 'typ': 'JWT'})}.{claims}."
    with pytest.raises(NotIdentified):
        verify(forged, KEY, at=clock.now())


def test_another_algorithm_of_the_same_key_proves_nothing(clock: FixedClock):
    with pytest.raises(NotIdentified):
        verify(signed(clock, key=KEY * 2, algorithm="HS512"), KEY * 2, at=clock.now())


@given(st.text(max_size=200))
def test_no_text_is_ever_taken_for_a_token(text: str):
    with pytest.raises(NotIdentified):
        verify(text, KEY, at=FixedClock().now())


@given(position=st.integers(min_value=0), letter=st.sampled_from("ABCXYZabcxyz0189-_"))
def test_changing_any_letter_of_the_claims_breaks_a_token(position: int, letter: str):
    clock = FixedClock()
    head, claims, signature = issue(KEY, ANA, at=clock.now(), lasts=HOUR).split(".")
    at = position % len(claims)
    changed = claims[:at] + letter + claims[at + 1 :]
    if changed == claims:
        return
    with pytest.raises(NotIdentified):
        verify(f"{head}.{changed}.{signature}", KEY, at=clock.now())


@pytest.mark.parametrize("lasts", [timedelta(0), timedelta(seconds=-1), LONGEST + timedelta(seconds=1)])
def test_no_token_is_issued_for_no_time_or_too_long(clock: FixedClock, lasts: timedelta):
    with pytest.raises(BadInput) as caught:
        issue(KEY, ANA, at=clock.now(), lasts=lasts)
    assert caught.value.field == "lasts"


def test_a_short_key_signs_and_verifies_nothing(clock: FixedClock):
    with pytest.raises(Misconfigured):
        issue("short", ANA, at=clock.now(), lasts=HOUR)
    with pytest.raises(Misconfigured):
        verify(issue(KEY, ANA, at=clock.now(), lasts=HOUR), "short", at=clock.now())
