"""The contact form's adapter against the conformance suite."""

from __future__ import annotations

import itertools
from typing import Any, ClassVar

import pytest

from fakes import ContactFake
from functions.adapters.contact import client as contact_client
from functions.adapters.contact.client import ContactClient
from functions.adapters.contact.tools import ADAPTER
from nightshift.errors import Misconfigured, Rejected
from nightshift.model.tenant import Channel
from nightshift.outbound import CONNECT_SECONDS
from nightshift.tools.binding import Adapter
from tests.adapters.conformance import UNCLEAR, Conformance, Rig, Scenario


class TestContact(Conformance):
    ADAPTER: ClassVar[Adapter] = ADAPTER
    STATUS_TABLE = contact_client.STATUSES
    PRODUCTION_URL = "https://store.example"

    @pytest.fixture
    def rig(self, store: ContactFake, store_channel: Channel) -> Rig:
        numbers = itertools.count(1)

        def arrange() -> dict[str, Any]:
            conversation = f"conv-{next(numbers)}"
            store.message(conversation, "Where is my order?")
            return {
                "conversation": conversation,
                "template": "order_status@1",
                "fields": {"order": "#1001", "state": "shipped"},
            }

        def client(channel: Channel, seconds: float) -> ContactClient:
            return ContactClient(channel, store.api_token, request_seconds=seconds)

        return Rig(
            channel=store_channel,
            secret={"api_token": store.api_token, "webhook_secret": store.webhook_secret},
            fail=store.fail,
            client=client,
            scenarios={
                "messaging.reply": Scenario(
                    arrange=arrange, operation="reply", effects=lambda: len(store.messages)
                )
            },
            personal=("kim@example.com", "Where is my order?"),
            differs={
                402: UNCLEAR,
                404: (Misconfigured, Rejected),
                409: (Misconfigured, Misconfigured),
                406: UNCLEAR,
                423: UNCLEAR,
                430: UNCLEAR,
            },
        )

    def test_its_timeouts_stand_in_adapter_toml(self) -> None:
        said = self.toml()["timeouts"]
        assert said["request"] == contact_client.REQUEST_SECONDS
        assert said["connect"] == CONNECT_SECONDS
