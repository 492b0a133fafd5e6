"""The contact form: messages in, templates out."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from fakes import ContactFake, Delivery, sign_contact
from functions.adapters.contact.client import ContactClient
from functions.adapters.contact.tools import ADAPTER
from functions.adapters.contact.webhooks import TOLERANCE_SECONDS, WEBHOOKS
from nightshift.errors import BadInput, Misconfigured, Rejected, WireError
from nightshift.ingress.webhooks import Arrival, Forged, Parsed
from nightshift.model.event import EventKind, MessageDetail
from nightshift.model.tenant import Channel
from nightshift.tools.binding import Call, Done
from nightshift.tools.templates import load, render

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
PROMISED = {
    "order_status@1", "ask_for_photo@1", "photo_reminder@1", "refund_done@1", "payment_refunded@1",
    "order_cancelled@1", "address_changed@1", "cannot_cancel@1", "handed_over@1",
}  # fmt: skip


def arrive(delivery: Delivery, at: datetime = NOW) -> Arrival:
    headers = {name.lower(): value for name, value in delivery.headers.items()}
    return Arrival(headers=headers, body=delivery.body, received_at=at)


def take(arrival: Arrival, secret: str) -> Parsed | None:
    WEBHOOKS.verify(arrival, {"webhook_secret": secret})
    assert WEBHOOKS.account(arrival)
    assert WEBHOOKS.delivery(arrival)
    return WEBHOOKS.normalise(arrival, WEBHOOKS.topic(arrival), "contact")


class TestMessages:
    def test_a_message_is_an_event_about_its_conversation(self, store: ContactFake) -> None:
        photo = {"name": "mug.jpg", "media_type": "image/jpeg", "ref": "https://store.example/files/1"}
        sent = store.message(
            "conv-1", "Zerbrochen! 💔", order_name="#1001", locale="de", attachments=(photo,), at=NOW
        )
        parsed = take(arrive(sent), store.webhook_secret)
        assert parsed is not None
        assert parsed.kind is EventKind.MESSAGE_RECEIVED
        assert parsed.subject.key() == "conversation:contact:conv-1"
        detail = parsed.detail
        assert isinstance(detail, MessageDetail)
        assert (detail.text, detail.order_name, detail.locale) == ("Zerbrochen! 💔", "#1001", "de")
        assert [a.ref for a in detail.attachments] == [photo["ref"]]

    @pytest.mark.parametrize("seconds", [-TOLERANCE_SECONDS, 0, TOLERANCE_SECONDS])
    def test_a_stamp_within_five_minutes_is_fresh(self, store: ContactFake, seconds: int) -> None:
        sent = store.message("conv-1", "hello", at=NOW)
        assert take(arrive(sent, NOW + timedelta(seconds=seconds)), store.webhook_secret) is not None

    @pytest.mark.parametrize("seconds", [-TOLERANCE_SECONDS - 1, TOLERANCE_SECONDS + 1, 86_400])
    def test_an_old_or_early_stamp_is_a_forgery(self, store: ContactFake, seconds: int) -> None:
        sent = store.message("conv-1", "hello", at=NOW)
        with pytest.raises(Forged):
            take(arrive(sent, NOW + timedelta(seconds=seconds)), store.webhook_secret)

    @pytest.mark.guarantee("ingress:forged-webhook")
    def test_forgeries_are_refused(self, store: ContactFake) -> None:
        genuine = arrive(store.message("conv-1", "hello", at=NOW))
        signature = genuine.headers["x-nightshift-signature"]
        for name, value in [
            ("x-nightshift-signature", ""),
            ("x-nightshift-signature", signature.removeprefix("v1=")),
            ("x-nightshift-signature", signature.upper()),
            ("x-nightshift-signature", signature[:-1] + "é"),
            ("x-nightshift-timestamp", "soon"),
            ("x-nightshift-timestamp", str(int(NOW.timestamp()) + 1)),
            ("x-nightshift-timestamp", ""),
            ("x-nightshift-timestamp", "²" * 4),
        ]:
            with pytest.raises(Forged):
                take(
                    Arrival(headers={**genuine.headers, name: value}, body=genuine.body, received_at=NOW),
                    store.webhook_secret,
                )
        with pytest.raises(Forged):
            take(genuine, "another secret")

    @pytest.mark.parametrize("stamp", ["", "soon", "²", "-1", "1e9", "99999999999999999999"])
    def test_a_stamp_that_is_none_is_a_forgery_even_when_it_is_signed(self, stamp: str) -> None:
        import hashlib  # noqa: PLC0415  # only here a signature is made by hand
        import hmac  # noqa: PLC0415

        mac = hmac.new(b"secret", stamp.encode() + b".{}", hashlib.sha256).hexdigest()
        headers = {"x-nightshift-signature": f"v1={mac}", "x-nightshift-timestamp": stamp}
        with pytest.raises(Forged):
            WEBHOOKS.verify(
                Arrival(headers=headers, body=b"{}", received_at=NOW), {"webhook_secret": "secret"}
            )

    @pytest.mark.parametrize("name", ["X-Nightshift-Account", "X-Nightshift-Delivery"])
    def test_a_missing_header_is_named(self, store: ContactFake, name: str) -> None:
        genuine = arrive(store.message("conv-1", "hello", at=NOW))
        headers = {k: v for k, v in genuine.headers.items() if k != name.lower()}
        with pytest.raises(BadInput) as caught:
            take(Arrival(headers=headers, body=genuine.body, received_at=NOW), store.webhook_secret)
        assert caught.value.field == name

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"conversation": ""}, "conversation"),
            ({"text": None}, "text"),
            ({"text": "x" * 20_001}, "text"),
            ({"sender": ""}, "sender"),
            ({"verified_sender": "yes"}, "verified_sender"),
            ({"locale": "english"}, "locale"),
            ({"attachments": [{"name": "a"}]}, "attachments.0.media_type"),
        ],
    )
    def test_another_shape_names_the_field(
        self, store: ContactFake, change: dict[str, Any], field: str
    ) -> None:
        body = {"conversation": "c", "text": "t", "sender": "s", "verified_sender": True, **change}
        raw = json.dumps(body).encode()
        sent = sign_contact(raw, secret=store.webhook_secret, account=store.store, delivery="d", at=NOW)
        with pytest.raises(ValidationError) as caught:
            take(arrive(sent), store.webhook_secret)
        assert field in {".".join(str(part) for part in error["loc"]) for error in caught.value.errors()}

    def test_a_secret_without_its_field_is_a_misconfiguration(self, store: ContactFake) -> None:
        with pytest.raises(Misconfigured):
            WEBHOOKS.verify(arrive(store.message("c", "t", at=NOW)), {})

    def test_other_topics_are_left_alone(self, store: ContactFake) -> None:
        assert WEBHOOKS.normalise(arrive(store.message("c", "t", at=NOW)), "typing", "contact") is None


class TestTemplates:
    def test_all_promised_templates_are_there(self) -> None:
        assert set(load().templates) == PROMISED

    @pytest.mark.parametrize("name", sorted(PROMISED))
    @pytest.mark.parametrize("locale", ["en", "de"])
    def test_each_is_complete_in_both_languages(self, name: str, locale: str) -> None:
        template = load().templates[name]
        sentences = template.sentences(locale)
        assert sentences
        used = {place for sentence in sentences for place in re.findall(r"\{([a-z_]+)\}", sentence)}
        assert used == set(template.fields)
        assert set(template.optional) <= set(template.fields)
        values = dict.fromkeys(template.fields, "X1")
        text = render(name, locale, values).text
        assert text.count("\n") == len(sentences) - 1
        assert "{" not in text

    def test_languages_say_different_things(self) -> None:
        for name, template in load().templates.items():
            assert template.en != template.de, name
            assert len(template.en) == len(template.de), name

    def test_a_state_is_worded_and_an_optional_sentence_left_out(self) -> None:
        assert render("order_status@1", "en", {"order": "#1001", "state": "shipped"}).text == (
            "Thank you for your message.\nYour order #1001 is on its way."
        )
        german = render(
            "order_status@1",
            "de-AT",
            {"order": "#1001", "state": "delivered", "tracking": "https://t.example/1"},
        )
        assert german.locale == "de"
        assert german.text.splitlines()[1:] == [
            "Ihre Bestellung #1001 wurde zugestellt.",
            "Hier können Sie das Paket verfolgen: https://t.example/1",
        ]

    def test_a_language_we_do_not_have_gets_english(self) -> None:
        assert render("handed_over@1", "fr", {}).locale == "en"

    @pytest.mark.parametrize(
        ("name", "fields"),
        [
            ("order_status@2", {"order": "#1", "state": "shipped"}),
            ("refund_done@1", {"order": "#1"}),
            ("refund_done@1", {"order": "#1", "amount": "\u200b"}),
            ("handed_over@1", {"note": "anything"}),
        ],
    )
    def test_an_unknown_template_or_field_is_refused(self, name: str, fields: dict[str, str]) -> None:
        with pytest.raises(Rejected) as caught:
            render(name, "en", fields)
        assert caught.value.code == "template.unknown"

    @given(value=st.text(min_size=1, max_size=400), locale=st.sampled_from(["en", "de", "xx"]))
    def test_whatever_a_field_holds_it_is_one_line_of_plain_text(self, value: str, locale: str) -> None:
        fields = {"order": "#1001", "state": f"is {value}", "tracking": value}
        rendered = render("order_status@1", locale, fields)
        lines = rendered.text.split("\n")
        assert len(lines) in {2, 3}
        assert not re.search(r"[<>{}\[\]`*|\\]", rendered.text)
        assert all(char.isprintable() or char == "\n" for char in rendered.text)
        assert all(len(line) < 400 for line in lines)


class TestReplies:
    @pytest.fixture
    def client(self, store: ContactFake, store_channel: Channel) -> ContactClient:
        return ContactClient(store_channel, store.api_token)

    def reply(self, client: ContactClient, key: str = "key_one", **args: object) -> Done:
        binding = ADAPTER.bindings[0]
        whole = {
            "conversation": "conv-1",
            "template": "refund_done@1",
            "fields": {"order": "#1001", "amount": "12.50 EUR"},
            **args,
        }
        return binding.call(Call(client=client, args=binding.contract.input.model_validate(whole), key=key))

    def test_the_customer_reads_the_rendered_text(self, store: ContactFake, client: ContactClient) -> None:
        store.message("conv-1", "hello")
        self.reply(client, locale="de")
        message = store.messages[0]
        assert (message.conversation, message.template, message.locale, message.key) == (
            "conv-1",
            "refund_done@1",
            "de",
            "key_one",
        )
        assert message.text.startswith("Wir haben 12.50 EUR für Ihre Bestellung #1001 erstattet.")
        assert message.fields == {"order": "#1001", "amount": "12.50 EUR"}

    def test_a_conversation_that_nobody_opened(self, store: ContactFake, client: ContactClient) -> None:
        with pytest.raises(Rejected) as caught:
            self.reply(client, conversation="conv-1/../x y")
        assert caught.value.code == "conversation.not_found"
        assert store.messages == []

    def test_an_unknown_template_asks_nobody(self, store: ContactFake, client: ContactClient) -> None:
        with pytest.raises(Rejected):
            self.reply(client, template="free_text@1")
        assert not store.requests

    def test_a_key_of_another_message_is_a_misconfiguration(
        self, store: ContactFake, client: ContactClient
    ) -> None:
        store.message("conv-1", "hello")
        self.reply(client)
        with pytest.raises(Misconfigured) as caught:
            self.reply(client, locale="de")
        assert caught.value.code == "vendor.key_reused"
        assert len(store.messages) == 1

    def test_a_store_that_forgets_keys_is_asked_before_a_second_message(
        self, store: ContactFake, client: ContactClient
    ) -> None:
        store.honour_keys = False
        store.message("conv-1", "hello")
        store.fail("drop_after", "reply")
        with pytest.raises(WireError):
            self.reply(client)
        binding = ADAPTER.bindings[0]
        assert binding.probe is not None
        args = binding.contract.input.model_validate(binding.contract.example)
        found = binding.probe(Call(client=client, args=args, key="key_one"))
        assert getattr(found, "vendor_ref", None) == store.messages[0].id
        assert len(store.messages) == 1
