from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from nightshift.aws.client import METER, client
from nightshift.aws.secrets import ManagedSecrets
from nightshift.errors import Misconfigured

if TYPE_CHECKING:
    from tests.conftest import FixedClock
    from tests.support.tables import Tables


@pytest.fixture
def ref(tables: Tables) -> str:
    return f"nightshift/{tables.ingress.rsplit('-', 1)[-1]}/vendor/acme/shop"


def stored(ref: str, text: str) -> None:
    client("secretsmanager").create_secret(Name=ref, SecretString=text)


def test_a_secret_is_read_once_a_minute_and_a_rotation_is_seen(ref: str, clock: FixedClock):
    stored(ref, json.dumps({"key": "one"}))
    secrets = ManagedSecrets(client("secretsmanager"), clock)
    METER.take()
    assert secrets.get(ref) == {"key": "one"}
    client("secretsmanager").put_secret_value(SecretId=ref, SecretString=json.dumps({"key": "two"}))
    clock.advance(59)
    assert secrets.get(ref) == {"key": "one"}
    clock.advance(1)
    assert secrets.get(ref) == {"key": "two"}
    assert METER.take()["secretsmanager.GetSecretValue"] == 2


def test_a_secret_that_is_not_there_is_misconfigured_each_time(ref: str, clock: FixedClock):
    secrets = ManagedSecrets(client("secretsmanager"), clock)
    for _ in range(2):
        with pytest.raises(Misconfigured):
            secrets.get(ref)
    stored(ref, "{}")
    assert secrets.get(ref) == {}


@pytest.mark.parametrize("text", ["s3cr3t", "[]", '{"key": 1}', '{"key": {"s3cr3t": 1}}', '"s3cr3t"'])
def test_a_secret_of_another_shape_is_misconfigured_and_quoted_nowhere(
    ref: str, clock: FixedClock, text: str
):
    stored(ref, text)
    with pytest.raises(Misconfigured) as caught:
        ManagedSecrets(client("secretsmanager"), clock).get(ref)
    assert "s3cr3t" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_read_fresh_a_secret_is_as_it_stands_now_and_kept_so(ref: str, clock: FixedClock):
    stored(ref, json.dumps({"key": "one"}))
    secrets = ManagedSecrets(client("secretsmanager"), clock)
    secrets.get(ref)
    client("secretsmanager").put_secret_value(SecretId=ref, SecretString=json.dumps({"key": "two"}))
    assert secrets.get(ref) == {"key": "one"}
    assert secrets.get(ref, fresh=True) == {"key": "two"}
    METER.take()
    assert secrets.get(ref) == {"key": "two"}
    assert METER.take() == {}


def test_beside_the_one_in_force_stand_the_pending_and_the_previous_version(ref: str, clock: FixedClock):
    stored(ref, json.dumps({"key": "one"}))
    secrets = ManagedSecrets(client("secretsmanager"), clock)
    assert secrets.beside(ref) == ()
    client("secretsmanager").put_secret_value(SecretId=ref, SecretString=json.dumps({"key": "two"}))
    assert secrets.beside(ref) == ({"key": "one"},)
    client("secretsmanager").put_secret_value(
        SecretId=ref, SecretString=json.dumps({"key": "three"}), VersionStages=["AWSPENDING"]
    )
    assert secrets.beside(ref) == ({"key": "three"}, {"key": "one"})
    assert secrets.get(ref) == {"key": "two"}


def test_what_is_stored_is_gone_on_with_and_read_by_others(ref: str, clock: FixedClock):
    stored(ref, json.dumps({"key": "one"}))
    secrets = ManagedSecrets(client("secretsmanager"), clock)
    secrets.put(ref, {"key": "two", "more": "x"})
    assert secrets.get(ref) == {"key": "two", "more": "x"}
    assert ManagedSecrets(client("secretsmanager"), clock).get(ref) == {"key": "two", "more": "x"}
