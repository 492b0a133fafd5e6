"""Bad input into the running system: a clear error that names the field, and nothing is stored or changed."""

from __future__ import annotations

import base64
import io
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from rich.console import Console

from demo.tenant import SHOP as DEMO_SHOP
from demo.tenant import TENANT
from fakes.contact import sign_contact
from fakes.shopify_hooks import Delivery, sign_shopify
from nightshift.cli.main import Outside, build, run
from nightshift.cli.profile import ChannelKey, Profile
from nightshift.clock import SystemClock
from nightshift.errors import BadInput
from nightshift.model.approval import Approval, ApprovalStatus
from nightshift.model.case import CaseStatus
from nightshift.model.log import EntryKind
from tests.paths.neighbour import CONTACT, SHOP, Neighbour
from tests.support.installation import Installation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from demo.shop import Shop

pytestmark = pytest.mark.xdist_group("shop")

CLOSED, PERSON = CaseStatus.CLOSED, CaseStatus.WITH_PERSON
WORDS = "It never arrived, I want my money back."


def fault(answer: httpx.Response) -> tuple[int, str]:
    """Status and field of a refusal; every refusal says what would be accepted."""
    error = answer.json()["error"]
    assert error["problem"]
    assert error["fix"]
    return answer.status_code, error["field"]


@pytest.fixture
def unchanged(neighbour: Neighbour) -> Iterator[None]:
    """Nothing is stored for the tenant that was not before."""
    before = neighbour.records()
    yield
    assert neighbour.records() == before


def message(neighbour: Neighbour, body: bytes, *, age: float = 0, secret: str = "") -> Delivery:
    """Any body, signed as the contact form signs."""
    at = SystemClock().now() - timedelta(seconds=age)
    key = secret or neighbour.store.webhook_secret
    return sign_contact(body, secret=key, account=neighbour.store.store, delivery="bad-input", at=at)


def webhook(
    neighbour: Neighbour, body: bytes, *, topic: str = "orders/create", delivery: str = "bad-input"
) -> Delivery:
    """Any body, signed as Shopify signs."""
    shop = neighbour.shop
    return sign_shopify(body, secret=shop.webhook_secret, topic=topic, shop=shop.shop, delivery=delivery)


ORDER = json.dumps({"id": 1, "name": "#1"}).encode()
MESSAGE = json.dumps({"conversation": "c", "text": WORDS, "sender": "a@b", "verified_sender": True}).encode()


# -- webhooks that are refused


@pytest.mark.usefixtures("unchanged")
@pytest.mark.guarantee("ingress:forged-webhook")
class TestRefusedWebhooks:
    def test_signed_with_another_secret(self, neighbour: Neighbour) -> None:
        forged = sign_shopify(
            ORDER, secret="guessed", topic="orders/create", shop=neighbour.shop.shop, delivery="bad-input"
        )
        assert fault(neighbour.post(forged, SHOP)) == (401, "signature")
        forged = message(neighbour, MESSAGE, secret="guessed")
        assert fault(neighbour.post(forged, CONTACT)) == (401, "signature")

    def test_changed_after_it_was_signed(self, neighbour: Neighbour) -> None:
        real = webhook(neighbour, ORDER)
        changed = Delivery(topic=real.topic, body=real.body.replace(b"1", b"2"), headers=real.headers)
        assert fault(neighbour.post(changed, SHOP)) == (401, "signature")

    @pytest.mark.parametrize("signature", [None, "", "not base64!", base64.b64encode(b"short").decode()])
    def test_with_no_signature_or_with_nonsense(self, neighbour: Neighbour, signature: str | None) -> None:
        sent = neighbour.post(webhook(neighbour, ORDER), SHOP, X_Shopify_Hmac_Sha256=signature)
        assert fault(sent) == (401, "signature")

    def test_signed_by_another_tenants_shop(self, neighbour: Neighbour, shop: Shop) -> None:
        """The other tenant's own secret opens nothing here."""
        theirs = shop.vendor.delivery("shop/redact", delivery="bad-input")
        assert fault(neighbour.post(theirs, SHOP)) == (401, "signature")

    @pytest.mark.parametrize("age", [301, 86_400, -301])
    def test_a_contact_message_whose_stamp_is_stale_or_ahead(self, neighbour: Neighbour, age: float) -> None:
        sent = neighbour.post(message(neighbour, MESSAGE, age=age), CONTACT)
        assert fault(sent) == (401, "signature")

    @pytest.mark.parametrize("stamp", [None, "", "yesterday", "1e9", "99999999999999999999"])
    def test_a_contact_message_whose_stamp_is_missing_or_no_number(
        self, neighbour: Neighbour, stamp: str | None
    ) -> None:
        sent = neighbour.post(message(neighbour, MESSAGE), CONTACT, X_Nightshift_Timestamp=stamp)
        assert fault(sent) == (401, "signature")

    def test_of_another_shop(self, neighbour: Neighbour) -> None:
        sent = neighbour.post(webhook(neighbour, ORDER), SHOP, X_Shopify_Shop_Domain="other.myshopify.com")
        assert fault(sent) == (403, "account")

    def test_larger_than_is_received(self, neighbour: Neighbour) -> None:
        assert fault(neighbour.post(webhook(neighbour, b" " * 1_000_001), SHOP)) == (413, "body")

    @pytest.mark.parametrize("header", ["X-Shopify-Topic", "X-Shopify-Webhook-Id", "X-Shopify-Shop-Domain"])
    @pytest.mark.parametrize("value", [None, ""])
    def test_without_a_header_it_needs(self, neighbour: Neighbour, header: str, value: str | None) -> None:
        sent = neighbour.post(webhook(neighbour, ORDER), SHOP, **{header: value})
        assert fault(sent) == (400, header)

    @pytest.mark.parametrize("name", ["../../etc", "a b", "x" * 181, "#"])
    def test_under_a_delivery_id_that_is_none(self, neighbour: Neighbour, name: str) -> None:
        sent = webhook(neighbour, ORDER)
        headers = {k: v for k, v in sent.headers.items() if k != "X-Shopify-Webhook-Id"}
        answer = neighbour.request(
            "POST",
            neighbour.path(SHOP),
            body=sent.body,
            headers={**headers, "X-Shopify-Webhook-Id": name},
        )
        assert fault(answer) == (400, "delivery")

    @pytest.mark.parametrize(
        "path",
        [
            "/webhooks/shopify/nobody/shop",
            "/webhooks/shopify/{tenant}/nowhere",
            "/webhooks/shopify/{tenant}/form",  # a channel of the other adapter
            "/webhooks/contact/{tenant}/shop",
            "/webhooks/shopify/{tenant}/SHOP",
            "/webhooks/shopify/%2e%2e/shop",
            f"/webhooks/shopify/{TENANT}/shop",
        ],
    )
    def test_for_a_channel_that_is_not_there(
        self, neighbour: Neighbour, installed: Installation, path: str
    ) -> None:
        sent = webhook(neighbour, ORDER, delivery="for-nobody")
        answer = neighbour.request(
            "POST", path.format(tenant=neighbour.id), body=sent.body, headers=dict(sent.headers)
        )
        assert fault(answer) == (404, "channel")
        assert installed.traces("for-nobody") == []

    @pytest.mark.parametrize(
        ("method", "path"),
        [("GET", "/webhooks/shopify/{tenant}/shop"), ("POST", "/webhooks/ebay/{tenant}/x")],
    )
    def test_by_a_way_that_does_not_exist(self, neighbour: Neighbour, method: str, path: str) -> None:
        sent = webhook(neighbour, ORDER)
        answer = neighbour.request(
            method, path.format(tenant=neighbour.id), body=sent.body, headers=dict(sent.headers)
        )
        assert answer.status_code == 404


# -- signed webhooks that nobody can read: parked, and shown


@pytest.mark.guarantee("ingress:nothing-accepted-is-lost")
@pytest.mark.guarantee("input:bad-input-names-the-field")
class TestParkedWebhooks:
    @pytest.mark.parametrize(
        ("body", "reason"),
        [
            (b"<html>", "body: json invalid"),
            (b"", "body: json invalid"),
            (b"[1, 2]", "body: model type"),
            (b"{}", "id: missing"),
            (b'{"id": "7"}', "id: int type"),
            (b'{"id": -7}', "id: greater than"),
            (b'{"id": 7, "name": ["#7"]}', "name: string type"),
        ],
        ids=repr,
    )
    def test_a_shop_webhook_of_another_shape(self, neighbour: Neighbour, body: bytes, reason: str) -> None:
        name = f"parked-{abs(hash(body))}"
        answer = neighbour.post(webhook(neighbour, body, delivery=name), SHOP)
        assert (answer.status_code, answer.json()) == (200, {"done": "parked"})
        assert neighbour.parked()[name] == reason

    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            ({"conversation": ""}, "conversation: string too short"),
            ({"text": None}, "text: string type"),
            ({"text": "x" * 20_001}, "text: string too long"),
            ({"verified_sender": "yes"}, "verified_sender: bool type"),
            ({"locale": "english"}, "locale: string pattern mismatch"),
            ({"attachments": [{"name": "a.jpg"}]}, "attachments.0.media_type: missing"),
        ],
        ids=lambda value: str(value)[:40],
    )
    def test_a_message_of_another_shape(
        self, neighbour: Neighbour, changes: dict[str, Any], reason: str
    ) -> None:
        body = json.dumps(json.loads(MESSAGE) | changes).encode()
        name = f"parked-{abs(hash(body))}"
        answer = neighbour.post(message(neighbour, body), CONTACT, X_Nightshift_Delivery=name)
        assert (answer.status_code, answer.json()) == (200, {"done": "parked"})
        assert neighbour.parked()[name] == reason

    def test_what_is_parked_opens_no_case_and_keeps_its_body_for_whoever_repairs_it(
        self, neighbour: Neighbour, installed: Installation
    ) -> None:
        before = neighbour.cases()
        neighbour.post(webhook(neighbour, b'{"id": null}', delivery="parked-kept"), SHOP)
        assert neighbour.cases() == before
        kept = [key for key in installed.bodies() if "parked-kept" in key]
        assert [installed.body(key) for key in kept] == [b'{"id": null}']
        shown = neighbour.as_("mia").doctor()
        assert any("deliveries are parked" in problem for problem in shown.problems)

    def test_a_topic_nobody_acts_on_is_kept_and_nothing_else(self, neighbour: Neighbour) -> None:
        before = neighbour.cases()
        answer = neighbour.post(webhook(neighbour, b"{}", topic="themes/publish", delivery="kept-1"), SHOP)
        assert (answer.status_code, answer.json()) == (200, {"done": "kept"})
        assert neighbour.ingress("kept-1", SHOP) is not None
        assert "kept-1" not in neighbour.parked()
        assert neighbour.cases() == before


# -- the same again


@pytest.mark.guarantee("ingress:replayed-webhook")
def test_a_body_replayed_under_new_ids_opens_no_second_case_and_pays_once(
    shop: Shop, installed: Installation
) -> None:
    order = installed.order()
    first = shop.message(order, WORDS)
    case = shop.wait_for_case(order, CLOSED, PERSON)
    for name in ("replayed-1", "replayed-2"):
        again = Delivery(
            topic=first.topic, body=first.body, headers={**first.headers, "X-Nightshift-Delivery": name}
        )
        assert shop.post(again, "contact", "contact") == 200
    shop.wait_for_log(case.id, EntryKind.DELIVERY_REPEATED, times=2)
    assert [line.id for line in shop.cases_about(order)] == [case.id]
    assert shop.wait_for_case(order, CLOSED).events == 1
    assert installed.refunds(order) == ["12.50"]
    assert installed.at_rest(order) == []


# -- the API


@pytest.fixture(scope="module")
def question(neighbour: Neighbour, installed: Installation) -> Approval:
    """A question of the neighbour's that waits for an answer."""
    order = neighbour.shop.create_order(
        name="#501",
        customer={"email": "lee@example.com"},
        lines=({"price": "80.00"},),
        fulfilment="delivered",
    )
    assert neighbour.post(neighbour.shop.delivery("orders/create", order), SHOP).status_code == 200
    said = neighbour.store.message("conversation-501", WORDS, sender="lee@example.com", order_name="#501")
    assert neighbour.post(said, CONTACT).status_code == 200

    def look() -> Approval | None:
        return next(iter(neighbour.as_("mia").approvals().approvals), None)

    return installed.shop.wait_for(look, "a question", seen=lambda: str(neighbour.cases()))


@pytest.fixture
def still_open(neighbour: Neighbour, question: Approval) -> Iterator[Approval]:
    """The question is as open after a test as before, and nothing else has changed."""
    before = neighbour.records()
    yield question
    assert neighbour.records() == before
    found = neighbour.as_("mia").approval(question.id)
    assert found.status is ApprovalStatus.PENDING
    assert neighbour.shop.books.refunds == []


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}


def unsigned(token: str, **header: str) -> str:
    """The claims of a token under another header, with no signature at all."""
    stated = base64.urlsafe_b64encode(json.dumps(header).encode()).rstrip(b"=").decode()
    return f"{stated}.{token.split('.')[1]}."


FORGERIES: dict[str, Callable[[Neighbour], str | None]] = {
    "no header": lambda _: None,
    "another scheme": lambda n: f"Basic {n.token('mia')}",
    "no token": lambda _: "Bearer",
    "no JWT": lambda _: "Bearer let-me-in",
    "algorithm none": lambda n: f"Bearer {unsigned(n.token('mia'), alg='none', typ='JWT')}",
    "algorithm None": lambda n: f"Bearer {unsigned(n.token('mia'), alg='None', typ='JWT')}",
    "another key": lambda n: f"Bearer {n.token('mia', key='k' * 40)}",
    "a changed claim": lambda n: f"Bearer {swapped(n.token('vic'), n.token('mia'))}",
    "expired": lambda n: f"Bearer {n.token('mia', age=timedelta(hours=2))}",
    "not yet valid": lambda n: f"Bearer {n.token('mia', age=timedelta(hours=-2))}",
    "somebody who does not work here": lambda n: f"Bearer {n.token('zoe')}",
}


def swapped(token: str, other: str) -> str:
    """One token's signature under another's claims."""
    head, _, signature = token.split(".")
    return f"{head}.{other.split('.')[1]}.{signature}"


class TestApi:
    @pytest.mark.parametrize("forgery", FORGERIES)
    def test_who_proves_nothing_is_told_so_and_decides_nothing(
        self, neighbour: Neighbour, still_open: Approval, forgery: str
    ) -> None:
        given = FORGERIES[forgery](neighbour)
        headers = {"Content-Type": "application/json", **({"Authorization": given} if given else {})}
        for method, path in (("GET", "/v1/cases"), ("POST", f"/v1/approvals/{still_open.id}/approve")):
            answer = neighbour.request(method, path, body=b'{"note": ""}', headers=headers)
            assert fault(answer) == (401, "authorization")
            assert answer.headers["www-authenticate"] == "Bearer"

    def test_who_may_only_look_decides_nothing(self, neighbour: Neighbour, still_open: Approval) -> None:
        headers = bearer(neighbour.token("vic"))
        for verb in ("approve", "reject"):
            path = f"/v1/approvals/{still_open.id}/{verb}"
            answer = neighbour.request("POST", path, body=b'{"note": ""}', headers=headers)
            assert fault(answer) == (403, "authorization")
            assert "approvals:decide" in answer.text
        path = f"/v1/cases/{still_open.case}/resolve"
        answer = neighbour.request("POST", path, body=b'{"note": "x", "events": 1}', headers=headers)
        assert fault(answer) == (403, "authorization")
        assert fault(neighbour.request("GET", "/v1/doctor", headers=headers)) == (403, "authorization")

    @pytest.mark.guarantee("tenants:no-tenant-sees-another")
    def test_anothers_records_are_not_there(
        self, neighbour: Neighbour, shop: Shop, still_open: Approval
    ) -> None:
        headers = bearer(shop.people["ana"])  # a manager, of the other tenant
        for method, path in (
            ("GET", f"/v1/cases/{still_open.case}"),
            ("GET", f"/v1/cases/{still_open.case}/log"),
            ("GET", f"/v1/approvals/{still_open.id}"),
            ("POST", f"/v1/approvals/{still_open.id}/approve"),
            ("POST", f"/v1/approvals/{still_open.id}/reject"),
        ):
            answer = neighbour.request(method, path, body=b'{"note": ""}', headers=headers)
            assert fault(answer) == (404, "id")
        path = f"/v1/cases/{still_open.case}/resolve"
        answer = neighbour.request("POST", path, body=b'{"note": "x", "events": 1}', headers=headers)
        assert fault(answer) == (404, "id")
        seen = neighbour.request("GET", "/v1/cases?limit=200", headers=headers).text
        assert still_open.case is not None
        assert still_open.case not in seen
        assert neighbour.id not in neighbour.request("GET", "/v1/deliveries/parked", headers=headers).text

    @pytest.mark.guarantee("approvals:get-does-nothing")
    def test_looking_never_decides(self, neighbour: Neighbour, still_open: Approval) -> None:
        headers = bearer(neighbour.token("mia"))
        for verb in ("approve", "reject"):
            path = f"/v1/approvals/{still_open.id}/{verb}"
            for method in ("GET", "HEAD", "PUT", "DELETE"):
                answer = neighbour.request(method, path, headers=headers)
                assert answer.status_code in {404, 405}, method

    @pytest.mark.guarantee("input:bad-input-names-the-field")
    @pytest.mark.parametrize(
        ("path", "body", "field"),
        [
            ("approvals/{approval}/approve", b"{", "body"),
            ("approvals/{approval}/approve", b"[]", "body"),
            ("approvals/{approval}/approve", b'"yes"', "body"),
            ("approvals/{approval}/approve", b'{"note": 7}', "note"),
            ("approvals/{approval}/approve", json.dumps({"note": "x" * 1001}).encode(), "note"),
            ("approvals/{approval}/approve", b'{"note": "", "tier": "AUTO"}', "tier"),
            ("approvals/apr_1/approve", b'{"note": ""}', "approval"),
            ("approvals/apr_1/reject", b'{"note": ""}', "approval"),
            ("cases/{case}/resolve", b'{"note": "", "events": 1}', "note"),
            ("cases/{case}/resolve", b'{"note": "x"}', "events"),
            ("cases/{case}/resolve", b'{"note": "x", "events": 0}', "events"),
            ("cases/1/resolve", b'{"note": "x", "events": 1}', "case"),
        ],
    )
    def test_a_body_that_is_wrong_is_refused_by_its_field(
        self, neighbour: Neighbour, still_open: Approval, path: str, body: bytes, field: str
    ) -> None:
        named = path.format(approval=still_open.id, case=still_open.case)
        headers = bearer(neighbour.token("mia"))
        answer = neighbour.request("POST", f"/v1/{named}", body=body, headers=headers)
        assert fault(answer) == (400, field)

    @pytest.mark.parametrize(
        ("path", "status", "field"),
        [
            ("cases?limit=0", 400, "limit"),
            ("cases?limit=many", 400, "limit"),
            ("cases?status=LOST", 400, "status"),
            ("cases/unknown", 400, "case"),
            (f"cases/case_{'a' * 26}", 404, "id"),
            (f"cases/case_{'a' * 26}/log", 404, "id"),
            ("approvals/unknown", 400, "approval"),
            (f"approvals/apr_{'a' * 26}", 404, "id"),
            ("nothing", 404, "id"),
        ],
    )
    def test_a_question_that_is_wrong_is_refused_by_its_field(
        self, neighbour: Neighbour, path: str, status: int, field: str
    ) -> None:
        headers = bearer(neighbour.token("mia"))
        assert fault(neighbour.request("GET", f"/v1/{path}", headers=headers)) == (status, field)

    def test_an_approval_that_is_not_there_cannot_be_decided(self, neighbour: Neighbour) -> None:
        path = f"/v1/approvals/apr_{'a' * 26}/approve"
        headers = bearer(neighbour.token("mia"))
        answer = neighbour.request("POST", path, body=b'{"note": ""}', headers=headers)
        assert fault(answer) == (404, "id")

    def test_a_case_with_news_is_not_resolved_unseen(
        self, neighbour: Neighbour, still_open: Approval
    ) -> None:
        path = f"/v1/cases/{still_open.case}/resolve"
        headers = bearer(neighbour.token("mia"))
        answer = neighbour.request("POST", path, body=b'{"note": "done", "events": 9}', headers=headers)
        assert fault(answer) == (409, "id")

    def test_what_is_decided_cannot_be_decided_otherwise(
        self, neighbour: Neighbour, question: Approval
    ) -> None:
        """The last of these: it answers the question."""
        assert neighbour.as_("mia").decide(question.id, "reject", "no").status is ApprovalStatus.REJECTED
        path = f"/v1/approvals/{question.id}/approve"
        headers = bearer(neighbour.token("mia"))
        assert fault(neighbour.request("POST", path, body=b'{"note": ""}', headers=headers)) == (409, "id")
        case = neighbour.wait_for_case(question.subject, PERSON, CLOSED)
        assert (case.status, case.handoff_reason) == (PERSON, "a person rejected the plan")
        assert neighbour.shop.books.refunds == []


# -- the command line


class Ended:
    def __init__(self, code: int, err: str) -> None:
        self.code = code
        self.err = " ".join(err.split())


@pytest.fixture
def nightshift(
    shop: Shop, neighbour: Neighbour, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., Ended]]:
    """The command line of one of the neighbour's staff, who also holds a key that is out of date."""
    keys = tuple(
        ChannelKey(
            adapter="shopify", tenant=neighbour.id, channel=name, account=neighbour.shop.shop, secret="old"
        )
        for name in (SHOP, DEMO_SHOP)
    )
    people = {"mia": neighbour.token("mia"), "vic": neighbour.token("vic")}
    written = Profile(api=shop.api, token=people["mia"], people=people, channels=keys)
    place = tmp_path / "profile.json"
    place.write_text(written.model_dump_json(), encoding="utf-8")

    transport = httpx.HTTPTransport()

    def call(*arguments: str) -> Ended:
        console = Console(file=io.StringIO(), width=200)
        outside = Outside(
            clock=SystemClock(),
            identity_key=lambda _: neighbour.identity_key(),
            console=console,
            transport=transport,
        )
        code = run(build(outside), ["--profile", str(place), *arguments])
        return Ended(code, capsys.readouterr().err)

    yield call
    transport.close()


def file(folder: Path, **changes: object) -> str:
    given = {"adapter": "shopify", "tenant": "neighbour", "channel": "shop", "topic": "orders/create"}
    place = folder / "webhook.json"
    place.write_text(json.dumps({**given, "body": {"id": 1}, **changes}), encoding="utf-8")
    return str(place)


@pytest.mark.usefixtures("unchanged")
class TestCommandLine:
    def test_a_file_that_is_absent_or_no_json(self, nightshift: Callable[..., Ended], tmp_path: Path) -> None:
        broken = tmp_path / "broken.json"
        broken.write_text("{", encoding="utf-8")
        for name in (broken, tmp_path / "absent.json"):
            ended = nightshift("send", str(name))
            assert ended.code == 2
            assert "error: FILE:" in ended.err

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"tenant": 7}, "tenant"),
            ({"adapter": "ebay"}, "adapter"),
            ({"channel": "nowhere"}, "channel"),
            ({"surprise": 1}, "surprise"),
        ],
        ids=str,
    )
    def test_a_file_that_says_something_wrong(
        self, nightshift: Callable[..., Ended], tmp_path: Path, changes: dict[str, Any], field: str
    ) -> None:
        ended = nightshift("send", file(tmp_path, **changes))
        assert ended.code == 2
        assert f"error: {field}:" in ended.err

    def test_a_key_that_is_out_of_date(self, nightshift: Callable[..., Ended], tmp_path: Path) -> None:
        ended = nightshift("send", file(tmp_path))
        assert ended.code == 1
        assert "refused it with 401" in ended.err

    @pytest.mark.parametrize(
        "arguments",
        [
            ("case", "case_zzzz"),
            ("case", f"case_{'a' * 26}"),
            ("log", "nothing-like-it"),
            ("log", "verify", f"case_{'a' * 26}"),
            ("approve", "apr_zzzz"),
            ("reject", f"apr_{'a' * 26}"),
            ("approval", "zzzz"),
            ("resolve", "zzzz", "--note", "done"),
            ("cases", "--status", "LOST"),
            ("cases", "--limit", "0"),
            ("approve",),
            ("--as", "nobody", "cases"),
        ],
        ids=" ".join,
    )
    def test_an_id_nobody_knows_or_an_argument_that_is_wrong(
        self, nightshift: Callable[..., Ended], arguments: tuple[str, ...]
    ) -> None:
        ended = nightshift(*arguments)
        assert ended.code == 2
        assert ended.err

    def test_who_may_only_look(self, nightshift: Callable[..., Ended], question: Approval) -> None:
        ended = nightshift("--as", "vic", "approve", question.id)
        assert ended.code == 1
        assert "approvals:decide" in ended.err


def test_bad_input_says_field_problem_and_fix_in_one_sentence() -> None:
    assert str(BadInput("amount", "it is negative", "Give more than nothing.")) == (
        "amount: it is negative. Give more than nothing."
    )
