"""The mail adapter against the conformance suite."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from functions.adapters.ses import client as ses_client
from functions.adapters.ses.client import SesClient
from functions.adapters.ses.tools import ADAPTER
from nightshift.errors import Misconfigured, OutcomeUnknown, Rejected, Retryable, Throttled
from nightshift.ids import opaque
from nightshift.tools.binding import Adapter, Found
from tests.adapters.conformance import Conformance, Rig, Scenario
from tests.adapters.ses_account import CONFIGURATION_SET, Published

if TYPE_CHECKING:
    from fakes import SesFake
    from nightshift.model.tenant import Channel

UNCLEAR = (Retryable, OutcomeUnknown)


class TestSes(Conformance):
    ADAPTER: ClassVar[Adapter] = ADAPTER
    STATUS_TABLE = ses_client.STATUSES
    PRODUCTION_URL = "https://email.eu-central-1.amazonaws.com"
    SILENCE = Found.UNSURE

    @pytest.fixture
    def rig(
        self,
        ses: SesFake,
        mail_channel: Channel,
        published: Published,
        endpoint: str,
        monkeypatch: pytest.MonkeyPatch,
    ) -> Rig:
        del endpoint  # `connect` makes a client of the table; no other test may find one made elsewhere
        monkeypatch.setenv("STAGE", "test")
        monkeypatch.setenv("TABLE_INGRESS", "ingress-test")
        numbers = itertools.count(1)

        def arrange() -> dict[str, Any]:
            return {
                "conversation": opaque("mail", str(next(numbers))),
                "template": "order_status@1",
                "fields": {"order": "#1001", "state": "shipped"},
                "to": "kim@example.com",
                "in_reply_to": "mail-1@example.com",
            }

        def client(channel: Channel, seconds: float) -> SesClient:
            return SesClient(channel, CONFIGURATION_SET, published, request_seconds=seconds)

        return Rig(
            channel=mail_channel,
            secret={"configuration_set": CONFIGURATION_SET},
            fail=ses.fail,
            client=client,
            scenarios={
                "messaging.reply": Scenario(
                    arrange=arrange, operation="SendEmail", effects=lambda: len(ses.mails)
                )
            },
            personal=("kim@example.com", "Kim Jansen"),
            differs={
                402: UNCLEAR,
                406: UNCLEAR,
                422: (Rejected, Rejected),
                423: UNCLEAR,
                429: (Throttled, Throttled),
                430: UNCLEAR,
                404: (Misconfigured, Misconfigured),
            },
        )
