"""The commands against the API itself, over a transport that hands requests to its routes."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import httpx
import pytest
from rich.console import Console

from fakes.contact import sign_contact
from functions.api.routes import answer
from nightshift.aws.client import client
from nightshift.cli.main import Outside, build, run
from nightshift.cli.profile import ChannelKey, Profile
from nightshift.cli.sending import Request, sign
from nightshift.errors import Misconfigured
from nightshift.model.approval import ApprovalStatus
from nightshift.model.case import CaseStatus
from tests.support.desk import KEY, ask_for_refund, make_desk, open_case, request, token_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from nightshift.api.desk import Desk
    from tests.conftest import FixedClock
    from tests.support.tables import Tables


class Ended:
    """How a command line ended: code, what it printed, and what went to standard error."""

    def __init__(self, code: int, shown: str, out: str, err: str) -> None:
        self.code = code
        self.shown = shown + out
        self.out = out
        self.err = err


@pytest.fixture
def desk(tables: Tables, clock: FixedClock) -> Desk:
    return make_desk(tables, clock)


@pytest.fixture
def posted() -> list[httpx.Request]:
    """The webhooks that arrived at the ingress."""
    return []


@pytest.fixture
def nightshift(
    desk: Desk,
    posted: list[httpx.Request],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Callable[..., Ended]:
    def serve(sent: httpx.Request) -> httpx.Response:
        if sent.url.path.startswith("/webhooks/"):
            posted.append(sent)
            return httpx.Response(200 if sent.headers.get("x-shopify-hmac-sha256") else 401, text="{}")
        token = sent.headers.get("authorization", "").removeprefix("Bearer ")
        event = request(
            sent.method,
            sent.url.path,
            token=token,
            query=sent.url.query.decode(),
            body=sent.content.decode() or None,
        )
        got = answer(event, desk)
        return httpx.Response(int(got["statusCode"]), text=got["body"])

    def identity_key(stage: str) -> str:
        if stage != "dev":
            message = f"the secret nightshift/{stage}/identity cannot be read"
            raise Misconfigured(message)
        return KEY

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("NIGHTSHIFT_API", "NIGHTSHIFT_TOKEN", "NIGHTSHIFT_PROFILE", "STAGE"):
        monkeypatch.delenv(name, raising=False)

    def command(*arguments: str, as_: str | None = "ana", api: str = "http://api.test") -> Ended:
        if as_ and "--as" not in arguments:
            monkeypatch.setenv("NIGHTSHIFT_TOKEN", token_of(as_, desk.clock.now()))
        else:
            monkeypatch.delenv("NIGHTSHIFT_TOKEN", raising=False)
        shown = io.StringIO()
        outside = Outside(
            clock=desk.clock,
            identity_key=identity_key,
            console=Console(file=shown, width=200, highlight=False),
            transport=httpx.MockTransport(serve),
        )
        given = ["--api", api, *arguments] if api else list(arguments)
        code = run(build(outside), given)
        printed = capsys.readouterr()
        return Ended(code, shown.getvalue(), printed.out, printed.err)

    return command


def test_cases_are_listed(nightshift: Callable[..., Ended], desk: Desk):
    case = open_case(desk)
    ended = nightshift("cases")
    assert ended.code == 0
    assert case.id[:13] in ended.shown


def test_json_is_the_apis_own_answer(nightshift: Callable[..., Ended], desk: Desk):
    case = open_case(desk)
    assert [line["id"] for line in json.loads(nightshift("cases", "--json").out)["cases"]] == [case.id]
    assert json.loads(nightshift("case", case.id, "--json").out)["case"]["id"] == case.id
    assert json.loads(nightshift("log", case.id, "--json").out)["entries"][0]["kind"] == "case.opened"
    assert json.loads(nightshift("catalog", "--json").out)["tools"]
    assert json.loads(nightshift("approvals", "--json").out)["approvals"] == []
    assert json.loads(nightshift("doctor", "--json").out)["problems"]
    assert json.loads(nightshift("log", "verify", "--json").out)["breaks"] == []


def test_a_case_shows_its_timeline(nightshift: Callable[..., Ended], desk: Desk):
    case = open_case(desk)
    ended = nightshift("case", case.id)
    assert ended.code == 0
    assert "case.opened" in ended.shown


@pytest.mark.parametrize("length", [13, 8, 31])
def test_the_beginning_of_an_id_is_enough(nightshift: Callable[..., Ended], desk: Desk, length: int):
    case = open_case(desk)
    assert nightshift("case", case.id[:length]).code == 0
    assert nightshift("case", case.id.removeprefix("case_")[:8]).code == 0


def test_an_ambiguous_beginning_is_bad_input(nightshift: Callable[..., Ended], desk: Desk):
    for name in ("1", "2"):
        open_case(desk, name)
    ended = nightshift("case", "case_")
    assert (ended.code, "CASE" in ended.err) == (2, True)


def test_a_beginning_of_nothing_is_bad_input(nightshift: Callable[..., Ended]):
    ended = nightshift("case", "zzz")
    assert (ended.code, "CASE" in ended.err) == (2, True)


def test_an_approval_is_given_with_a_note(nightshift: Callable[..., Ended], desk: Desk):
    approval = ask_for_refund(desk, open_case(desk))
    assert approval.id[:12] in nightshift("approvals").shown
    assert "80.00 EUR" in nightshift("approval", approval.id[:12]).shown
    assert nightshift("approve", approval.id[:12], "--note", "photo shows it").code == 0
    stored = desk.approvals.get(approval.id)
    assert (stored.status, stored.note) == (ApprovalStatus.APPROVED, "photo shows it")


def test_everything_that_is_asked_is_shown(nightshift: Callable[..., Ended], desk: Desk):
    approval = ask_for_refund(desk, open_case(desk))
    args = {"order": "gid://shopify/Order/" + "9" * 80, "notify": False, "plan": None, "lines": []}
    step = approval.steps[0].model_copy(update={"args": args})
    odd = approval.model_copy(update={"id": approval.id[:-4] + "aaaa", "steps": (step,)})
    desk.approvals.ask(odd, "token", 1)
    shown = "".join(nightshift("approval", odd.id).shown.split())
    for part in ('"gid://shopify/Order/' + "9" * 80, "notify:false", "plan:null", "lines:[]"):
        assert part in shown


def test_an_approval_is_refused(nightshift: Callable[..., Ended], desk: Desk):
    approval = ask_for_refund(desk, open_case(desk))
    assert nightshift("reject", approval.id).code == 0
    assert desk.approvals.get(approval.id).status is ApprovalStatus.REJECTED


def test_what_a_role_does_not_permit_fails_and_names_the_permission(
    nightshift: Callable[..., Ended], desk: Desk
):
    approval = ask_for_refund(desk, open_case(desk))
    ended = nightshift("approve", approval.id, as_="vera")
    assert (ended.code, "approvals:decide" in ended.err) == (1, True)
    assert desk.approvals.get(approval.id).status is ApprovalStatus.PENDING


def test_a_decided_approval_is_a_failure(nightshift: Callable[..., Ended], desk: Desk):
    approval = ask_for_refund(desk, open_case(desk))
    nightshift("reject", approval.id)
    assert nightshift("approve", approval.id).code == 1


def test_a_case_is_resolved(nightshift: Callable[..., Ended], desk: Desk):
    case = open_case(desk)
    desk.cases.hand_over(case.id, 1, "the amount is large")
    assert nightshift("resolve", case.id, "--note", "paid by bank").code == 0
    assert desk.cases.get(case.id).status is CaseStatus.CLOSED


def test_resolving_without_a_note_is_bad_input(nightshift: Callable[..., Ended], desk: Desk):
    case = open_case(desk)
    assert nightshift("resolve", case.id).code == 2
    assert desk.cases.get(case.id).status is CaseStatus.OPEN


@pytest.mark.guarantee("log:chain-proves-itself")
def test_log_verify_finds_a_changed_entry(nightshift: Callable[..., Ended], desk: Desk, tables: Tables):
    case = open_case(desk)
    assert nightshift("log", "verify", case.id).code == 0
    key = {"pk": {"S": case.id}, "sk": {"S": "00000001"}}
    stored = client("dynamodb").get_item(TableName=tables.log, Key=key)["Item"]
    stored["doc"]["S"] = stored["doc"]["S"].replace("dispatcher", "somebody")
    client("dynamodb").put_item(TableName=tables.log, Item=stored)
    ended = nightshift("log", "verify")
    assert (ended.code, case.id in ended.shown) == (1, True)


def test_nothing_goes_without_a_token(nightshift: Callable[..., Ended]):
    ended = nightshift("cases", as_=None)
    assert (ended.code, "authorization" in ended.err) == (1, True)


def test_not_knowing_where_the_api_is_names_the_setting(nightshift: Callable[..., Ended]):
    ended = nightshift("cases", api="")
    assert (ended.code, "NIGHTSHIFT_API" in ended.err) == (2, True)


def test_an_api_that_is_not_there_is_a_failure_in_one_line(desk: Desk, capsys: pytest.CaptureFixture[str]):
    outside = Outside(clock=desk.clock, identity_key=str, console=Console(file=io.StringIO()))
    assert run(build(outside), ["--api", "http://127.0.0.1:9", "cases"]) == 1
    err = capsys.readouterr().err
    assert "127.0.0.1:9" in err
    assert "Traceback" not in err


@pytest.mark.parametrize("arguments", [["cases", "--limit", "0"], ["cases", "--status", "LOST"], ["nothing"]])
def test_bad_arguments_end_with_two(nightshift: Callable[..., Ended], arguments: list[str]):
    assert nightshift(*arguments).code == 2


def test_a_token_is_issued_for_a_person(nightshift: Callable[..., Ended], monkeypatch: pytest.MonkeyPatch):
    token = nightshift("token", "issue", "--tenant", "acme", "--staff", "vera").out.strip()
    monkeypatch.setenv("NIGHTSHIFT_TOKEN", token)
    assert nightshift("--token", token, "cases").code == 0


def test_a_key_that_cannot_be_read_is_a_failure(nightshift: Callable[..., Ended]):
    ended = nightshift("token", "issue", "--tenant", "acme", "--staff", "vera", "--stage", "prod")
    assert (ended.code, "nightshift/prod/identity" in ended.err) == (1, True)


def profile(desk: Desk, folder: Path) -> Path:
    place = folder / ".local" / "profile.json"
    place.parent.mkdir()
    content = {
        "api": "http://api.test",
        "token": token_of("ana", desk.clock.now()),
        "people": {"vera": token_of("vera", desk.clock.now())},
        "channels": [
            {
                "adapter": "shopify",
                "tenant": "acme",
                "channel": "shopify-eu",
                "account": "acme.myshopify.com",
                "secret": "s3cret",
            }
        ],
    }
    place.write_text(json.dumps(content), encoding="utf-8")
    return place


def test_the_demos_profile_is_found_in_the_working_folder(
    nightshift: Callable[..., Ended], desk: Desk, tmp_path: Path
):
    profile(desk, tmp_path)
    assert nightshift("cases", api="", as_=None).code == 0
    assert nightshift("--as", "vera", "doctor", api="").code == 1
    ended = nightshift("--as", "zoe", "cases", api="")
    assert (ended.code, "zoe" in ended.err) == (2, True)


def webhook(folder: Path, **changes: object) -> str:
    content = {
        "adapter": "shopify",
        "tenant": "acme",
        "channel": "shopify-eu",
        "topic": "orders/create",
        "body": {"id": 1},
        **changes,
    }
    place = folder / "webhook.json"
    place.write_text(json.dumps({k: v for k, v in content.items() if v is not None}), encoding="utf-8")
    return str(place)


def test_a_webhook_is_sent_signed(
    nightshift: Callable[..., Ended], desk: Desk, tmp_path: Path, posted: list[httpx.Request]
):
    profile(desk, tmp_path)
    assert nightshift("send", webhook(tmp_path)).code == 0
    assert nightshift("send", webhook(tmp_path)).code == 0
    first, second = posted
    assert first.url.path == "/webhooks/shopify/acme/shopify-eu"
    assert first.headers["x-shopify-topic"] == "orders/create"
    assert first.headers["x-shopify-shop-domain"] == "acme.myshopify.com"
    assert first.headers["x-shopify-webhook-id"] == second.headers["x-shopify-webhook-id"]


def test_a_contact_message_is_signed_as_the_store_signs_it(clock: FixedClock):
    key = ChannelKey(adapter="contact", tenant="acme", channel="contact", account="acme", secret="s3cret")
    asked = Request(adapter="contact", tenant="acme", channel="contact", delivery="d-1", body={"text": "ä"})
    made = sign(asked, Profile(channels=(key,)), clock.now())
    official = sign_contact(made.body, secret="s3cret", account="acme", delivery="d-1", at=clock.now())
    assert made.headers == {name.lower(): value for name, value in official.headers.items()}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"tenant": None}, "tenant"),
        ({"body": None}, "body"),
        ({"adapter": "nobody"}, "adapter"),
        ({"channel": "unknown"}, "channel"),
        ({"surprise": 1}, "surprise"),
    ],
    ids=str,
)
def test_a_wrong_webhook_file_names_the_field_and_sends_nothing(
    nightshift: Callable[..., Ended],
    desk: Desk,
    tmp_path: Path,
    posted: list[httpx.Request],
    changes: dict[str, object],
    field: str,
):
    profile(desk, tmp_path)
    ended = nightshift("send", webhook(tmp_path, **changes))
    assert (ended.code, field in ended.err, posted) == (2, True, [])


def test_a_webhook_file_that_is_no_json_is_bad_input(nightshift: Callable[..., Ended], tmp_path: Path):
    (tmp_path / "x.json").write_text("{", encoding="utf-8")
    assert nightshift("send", str(tmp_path / "x.json")).code == 2
    assert nightshift("send", str(tmp_path / "absent.json")).code == 2


def test_recover_starts_one_case_or_all_of_them(
    nightshift: Callable[..., Ended], desk: Desk, clock: FixedClock
):
    case = open_case(desk)
    one = nightshift("recover", case.id[:13])
    assert (one.code, "1 recovered" in one.shown) == (0, True)
    clock.advance(60)
    told = json.loads(nightshift("recover", "--all", "--json").out)
    assert (told["done"], told["seen"]) == (True, 1)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ((), "CASE"),
        (("case_x", "--all"), "CASE"),
        (("--restored-at", "yesterday"), "restored-at"),
        (("--restored-at", "2026-11-21T09:00:00"), "restored-at"),
    ],
)
def test_recover_says_what_it_needs(
    nightshift: Callable[..., Ended], desk: Desk, arguments: tuple[str, ...], named: str
):
    before = open_case(desk)
    ended = nightshift("recover", *arguments)
    assert (ended.code, named in ended.err) == (2, True)
    assert desk.cases.get(before.id) == before
