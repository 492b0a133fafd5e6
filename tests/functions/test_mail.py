"""The mail function as SES and EventBridge call it."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import functions.mail.handler
from fakes.ses import inbound
from nightshift.aws.client import client
from nightshift.aws.mail import DynamoSentMails
from nightshift.errors import BadInput, NotFound
from tests.support.post_room import ACME, BOX, PostOffice, letter, make_post_office

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import FixedClock
    from tests.support.tables import Tables

OFFICIAL = Path(__file__).parents[3] / "shared" / "contracts" / "aws-events" / "sesEvent.json"


@pytest.fixture
def office(tables: Tables, clock: FixedClock) -> PostOffice:
    return make_post_office(tables, clock)


@pytest.fixture
def handler(
    tables: Tables, office: PostOffice, monkeypatch: pytest.MonkeyPatch
) -> Callable[[dict[str, Any], Any], None]:
    """The function at a cold start."""
    for name, value in {
        "STAGE": "test",
        "TABLE_CONFIG": tables.config,
        "TABLE_INGRESS": tables.ingress,
        "TABLE_LIMITS": tables.limits,
        "BUCKET_MAIL": office.bucket,
        "QUEUE_EVENTS": office.queue,
    }.items():
        monkeypatch.setenv(name, value)
    handler: Callable[[dict[str, Any], Any], None] = importlib.reload(functions.mail.handler).handler
    return handler


def test_a_receipt_becomes_a_queued_event(handler: Any, office: PostOffice) -> None:  # noqa: ANN401  # a function
    mail = office.store(inbound(letter(), BOX, at=office.clock.now()))
    handler(mail.event, None)
    (event,) = office.queued()
    assert event.delivery == mail.id


@pytest.mark.skipif(not OFFICIAL.is_file(), reason="the official events of shared/contracts are not here")
def test_the_official_sample_event_is_understood(handler: Any, office: PostOffice) -> None:  # noqa: ANN401  # a function
    event = json.loads(OFFICIAL.read_text("utf-8"))
    handler(event, None)  # to nobody's mailbox
    event["Records"][0]["ses"]["receipt"]["recipients"] = [BOX]
    with pytest.raises(NotFound):  # not stored: it comes again, and at last is a dead letter
        handler(event, None)
    name = event["Records"][0]["ses"]["mail"]["messageId"]
    client("s3").put_object(
        Bucket=office.bucket, Key=f"inbound/{name}", Body=letter(sender="janedoe@example.com")
    )
    handler(event, None)
    (queued,) = office.queued()
    assert queued.detail.type == "message"
    assert queued.detail.verified_sender


def test_what_ses_says_of_our_mail_is_kept(handler: Any, tables: Tables, clock: FixedClock) -> None:  # noqa: ANN401  # a function
    handler(published(clock), None)
    found = DynamoSentMails(tables.ingress, client("dynamodb")).find(ACME, "key_one")
    assert found is not None
    assert found.message == "0100-1"


def published(clock: FixedClock) -> dict[str, Any]:
    """An event of source `aws.ses`, as EventBridge hands it over."""
    return {
        "id": "1",
        "source": "aws.ses",
        "detail-type": "Email Sent",
        "detail": {
            "eventType": "Send",
            "mail": {
                "messageId": "0100-1",
                "timestamp": clock.now().isoformat(),
                "tags": {"tenant": [ACME], "channel": ["mail-eu"], "key": ["key_one"]},
            },
            "send": {},
        },
    }


@pytest.mark.parametrize(
    "event", [{}, {"Records": []}, {"Records": [{"s3": {}}]}, {"source": "aws.s3", "id": "1"}]
)
def test_what_ses_never_sends_is_refused_without_quoting_it(handler: Any, event: dict[str, Any]) -> None:  # noqa: ANN401  # a function
    with pytest.raises(BadInput):
        handler(event, None)
