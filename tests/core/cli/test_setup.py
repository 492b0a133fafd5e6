"""`tenant`, `staff`, `policy`, `channel`, `tool`, and the document that shows them: each example runs."""

from __future__ import annotations

import io
import json
import re
import shlex
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from rich.console import Console

from fakes import FakeVendors, ShopifyFake
from functions.api.routes import answer as api_answer
from functions.onboarding.routes import answer as setup_answer
from nightshift.cli.main import Outside, build, run
from nightshift.model.log import EntryKind
from tests.support.desk import KEY, make_desk, request
from tests.support.functions import Functions
from tests.support.office import ACME, add_acme, make_office, setup_log, stored

if TYPE_CHECKING:
    from nightshift.api.desk import Desk
    from nightshift.onboarding.office import Office
    from tests.conftest import FixedClock
    from tests.support.tables import Tables

DOCUMENT = Path(__file__).parents[3] / "docs" / "onboarding.md"


@dataclass
class Ended:
    code: int
    out: str
    err: str


Nightshift = Callable[..., Ended]


@pytest.fixture(scope="module")
def vendors() -> Iterator[FakeVendors]:
    with FakeVendors() as served:
        yield served


@pytest.fixture
def shop(vendors: FakeVendors) -> ShopifyFake:
    return vendors.shopify(f"{uuid.uuid4().hex}.myshopify.com")


@pytest.fixture
def functions() -> Iterator[Functions]:
    with Functions() as served:
        yield served


@pytest.fixture
def office(tables: Tables, clock: FixedClock, functions: Functions) -> Office:
    return make_office(tables, clock, functions)


@pytest.fixture
def desk(tables: Tables, clock: FixedClock, functions: Functions) -> Desk:
    return make_desk(tables, clock, functions.client(), seeded=False)


@pytest.fixture
def nightshift(
    office: Office,
    desk: Desk,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Nightshift:
    def serve(sent: httpx.Request) -> httpx.Response:
        token = sent.headers.get("authorization", "").removeprefix("Bearer ")
        raw = sent.content.decode() or None
        event = request(sent.method, sent.url.path, token=token, query=sent.url.query.decode(), body=raw)
        setup = sent.url.path.startswith("/v1/setup/")
        got = setup_answer(event, office) if setup else api_answer(event, desk)
        return httpx.Response(int(got["statusCode"]), text=got["body"])

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("NIGHTSHIFT_API", "NIGHTSHIFT_TOKEN", "NIGHTSHIFT_PROFILE", "STAGE"):
        monkeypatch.delenv(name, raising=False)

    def command(*arguments: str, token: str = "", stdin: str = "") -> Ended:
        shown = io.StringIO()
        outside = Outside(
            clock=office.clock,
            identity_key=lambda _: KEY,
            console=Console(file=shown, width=300, highlight=False),
            transport=httpx.MockTransport(serve),
        )
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        code = run(build(outside), ["--api", "http://api.test", "--token", token, *arguments])
        printed = capsys.readouterr()
        return Ended(code, shown.getvalue() + printed.out, printed.err)

    return command


def token_for(nightshift: Nightshift, staff: str = "ada", tenant: str = "acme") -> str:
    return nightshift("token", "issue", "--tenant", tenant, "--staff", staff).out.strip()


@pytest.fixture
def connect(
    nightshift: Nightshift, office: Office, shop: ShopifyFake, vendors: FakeVendors, tmp_path: Path
) -> Callable[..., Ended]:
    """Ada connects the shop."""
    add_acme(office)
    file = tmp_path / "secret.json"
    secret = {"access_token": shop.access_token, "webhook_secret": shop.webhook_secret}
    file.write_text(json.dumps(secret), encoding="utf-8")

    def connected(*more: str) -> Ended:
        where = ("--account", shop.shop, "--base-url", vendors.shopify_url(shop.shop))
        given = ("channel", "connect", "acme", "shopify-eu", "--adapter", "shopify", *where)
        return nightshift(*given, *(more or ("--secret-file", str(file))), token=token_for(nightshift))

    return connected


def test_a_token_is_of_a_tenant_or_of_the_platform(nightshift: Nightshift):
    for given in ((), ("--tenant", "acme", "--platform")):
        ended = nightshift("token", "issue", "--staff", "jo", *given)
        assert (ended.code, "--tenant" in ended.err) == (2, True)
    said = json.loads(nightshift("token", "issue", "--platform", "--staff", "jo", "--json").out)
    assert said["tenant"] == "*"
    late = nightshift("token", "issue", "--platform", "--staff", "jo", "--hours", "2")
    assert (late.code, "an hour" in late.err) == (2, True)


def test_a_channel_is_connected_from_a_file_or_standard_input(
    connect: Callable[..., Ended], shop: ShopifyFake, nightshift: Nightshift
):
    ended = connect()
    assert (ended.code, "payments.refund" in ended.out) == (0, True), ended.err
    assert shop.access_token not in ended.out
    secret = json.dumps({"access_token": shop.access_token, "webhook_secret": "w"})
    again = nightshift(
        "channel", "rotate", "acme", "shopify-eu", "--secret-stdin", token=token_for(nightshift), stdin=secret
    )
    assert again.code == 0, again.err


@pytest.mark.parametrize("written", ["no json", '["a"]', '{"a": 1}', '{"a": null}'])
def test_a_secret_that_is_none_is_not_quoted(connect: Callable[..., Ended], tmp_path: Path, written: str):
    (tmp_path / "bad.json").write_text(written, encoding="utf-8")
    ended = connect("--secret-file", str(tmp_path / "bad.json"))
    assert (ended.code, "--secret-file" in ended.err, written in ended.err) == (2, True, False)
    assert connect("--secret-file", str(tmp_path / "absent.json")).code == 2


def test_a_secret_is_no_argument(connect: Callable[..., Ended]):
    assert connect("--secret", "shpat-1").code == 2


def test_what_is_left_to_do_ends_with_1(connect: Callable[..., Ended], shop: ShopifyFake):
    shop.books.scopes.remove("read_returns")
    ended = connect()
    assert (ended.code, "read_returns" in ended.out) == (1, True)


def test_a_tool_is_turned_on_and_the_doctor_looks_at_the_channel(
    connect: Callable[..., Ended], nightshift: Nightshift, office: Office
):
    connect()
    token = token_for(nightshift)
    on = nightshift("tool", "on", "acme", "shopify-eu", "payments.refund", "--note", "agreed", token=token)
    assert on.code == 0
    found = stored(office, "shopify-eu")
    assert found is not None
    assert found.live_tools == {"payments.refund"}
    off = nightshift("tool", "off", "acme", "shopify-eu", "payments.refund", token=token)
    assert off.code == 0
    report = nightshift("doctor", "shopify-eu", token=token)
    assert "credentials" in report.out
    assert report.code == 1  # nothing came in for a week


def test_bad_input_is_one_sentence_and_exit_code_2(nightshift: Nightshift, office: Office):
    add_acme(office)
    platform = nightshift("token", "issue", "--platform", "--staff", "jo").out.strip()
    token = token_for(nightshift)
    for given, as_, word in (
        (("tenant", "add", "Bad Id", "--name", "n", "--timezone", "UTC", "--admin", "a"), platform, "id"),
        (("tenant", "add", "new", "--name", "n", "--timezone", "Mars", "--admin", "a"), platform, "timezone"),
        (("tenant", "show", "../../v1/cases"), token, "path"),
        (("channel", "show", "acme", "nothing"), token, "id"),
        (("channel", "connect", "acme", "x1", "--adapter", "nope", "--account", "a"), token, "adapter"),
        (("staff", "add", "acme", "eve", "--role", "boss"), token, "role"),
        (("effect", "settle", "run_x", "refund", "--attempt", "1"), token, "--done"),
        (("queue", "redrive", "a/b"), token, "path"),
    ):
        ended = nightshift(*given, token=as_)
        assert (ended.code, word in ended.err, "Traceback" in ended.err) == (2, True, False), (given, ended)
        assert ended.err.count("\n") == 1


def test_halting_and_resuming(nightshift: Nightshift, office: Office):
    add_acme(office)
    token = token_for(nightshift)
    assert "halted" in nightshift("tenant", "halt", "acme", "--note", "odd", token=token).out
    assert office.config.tenant(ACME).halted is True
    assert "halted" in nightshift("status", token=token).out
    nightshift("tenant", "resume", "acme", token=token)
    assert office.config.tenant(ACME).halted is False
    assert "halted" in nightshift("halt", "acme", token=token).out
    assert office.config.tenant(ACME).halted is True
    nightshift("tenant", "resume", "acme", token=token)
    kinds = [entry.kind for entry in setup_log(office)]
    assert kinds[-2:] == [EntryKind.TENANT_HALTED, EntryKind.TENANT_RESUMED]


def test_people_come_and_go(nightshift: Nightshift, office: Office):
    add_acme(office)
    token = token_for(nightshift)
    assert (
        nightshift("staff", "add", "acme", "ana", "--role", "viewer", "--name", "Ana", token=token).code == 0
    )
    assert nightshift("staff", "role", "acme", "ana", "--role", "manager", token=token).code == 0
    shown = json.loads(nightshift("tenant", "show", "acme", "--json", token=token).out)
    assert {"id": "ana", "name": "Ana", "role": "manager"} in shown["staff"]
    assert nightshift("staff", "remove", "acme", "ana", token=token).code == 0
    assert nightshift("staff", "remove", "acme", "ada", token=token).code == 2


def test_the_repair_commands_answer(nightshift: Nightshift, office: Office):
    add_acme(office)
    token = token_for(nightshift)
    platform = nightshift("token", "issue", "--platform", "--staff", "jo").out.strip()
    for given, as_ in (
        (("status",), token), (("queue", "list"), token), (("delivery", "parked"), token),
        (("effects", "--unknown"), token), (("queue", "dead", "events"), platform),
        (("queue", "redrive", "events"), platform), (("queue", "list"), platform),
    ):  # fmt: skip
        assert nightshift(*given, token=as_).code == 0, given
        assert json.loads(nightshift(*given, "--json", token=as_).out)
    assert nightshift("queue", "redrive", "events", token=token).code == 1
    gone = nightshift("delivery", "replay", "d-1", token=token)
    assert (gone.code, "d-1" in gone.err) == (2, True)


# the document


def examples() -> list[str]:
    """The commands of docs/onboarding.md, in order; a line that ends with a backslash goes on."""
    blocks = re.findall(r"```sh\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    joined = "\n".join(blocks).replace("\\\n", " ")
    return [line for line in joined.splitlines() if line.strip() and not line.startswith("#")]


def test_the_document_is_done_as_it_is_written(
    nightshift: Nightshift, office: Office, shop: ShopifyFake, vendors: FakeVendors, tmp_path: Path
):
    """Each example runs as written; only the shop is another, with another address and other credentials."""
    secret = {"access_token": shop.access_token, "webhook_secret": shop.webhook_secret}
    (tmp_path / "secret.json").write_text(json.dumps(secret), encoding="utf-8")
    (tmp_path / "new.json").write_text(json.dumps(secret), encoding="utf-8")
    here = {"acme.myshopify.com": shop.shop}
    token, done = "", []
    for line in examples():
        plain = line.replace("$(", "").replace(")", "")
        words = [here.get(word, word) for word in shlex.split(plain)]
        if words[0] == "export":
            words = words[1].split("=", 1)[1:] + words[2:]
            token = nightshift(*words[1:]).out.strip()
            continue
        assert words[0] == "nightshift", line
        more = ("--base-url", vendors.shopify_url(shop.shop)) if words[1:3] == ["channel", "connect"] else ()
        ended = nightshift(*words[1:], *more, token=token)
        expected = {0, 1} if words[1] == "doctor" else {0}
        assert ended.code in expected, (line, ended.err)
        done.append(words[1:3])
    assert ["tenant", "add"] in done
    assert ["tool", "on"] in done
    found = stored(office, "shopify-eu")
    assert found is not None
    assert found.live_tools


def test_a_policy_is_shown_edited_tried_and_saved(nightshift: Nightshift, office: Office, tmp_path: Path):
    add_acme(office)
    token = token_for(nightshift)
    plain = nightshift("policy", "show", "acme", token=token)
    assert (plain.code, "version" in plain.out, "second-refund-in-30-days" in plain.out) == (0, True, True)
    shown = json.loads(nightshift("policy", "show", "acme", "--document", token=token).out)
    held = [role["permissions"] for role in shown["roles"].values()]
    assert held == [sorted(permissions) for permissions in held]
    rule = {"name": "no-ends", "tools": ["listings.end"], "then": "ASK", "reason": "it loses its rank"}
    file = tmp_path / "policy.json"
    file.write_text(json.dumps(shown | {"version": 2, "rules": [rule]}), encoding="utf-8")
    tried = nightshift("policy", "check", "acme", str(file), token=token)
    assert (tried.code, "not in force" in tried.out, "rules" in tried.out) == (0, True, True)
    assert office.config.policy(ACME).version == 1
    saved = nightshift("policy", "set", "acme", str(file), "--json", token=token)
    assert (saved.code, json.loads(saved.out)["changes"]) == (0, ["rules"])
    assert office.config.policy(ACME).rules[0].name == "no-ends"
    now = nightshift("policy", "show", "acme", token=token)
    assert ("no-ends" in now.out, "always" in now.out) == (True, True)
    before = nightshift("policy", "show", "acme", "--version", "1", token=token)
    assert ("no-ends" in before.out, "not in force" in before.out) == (False, True)


def test_a_policy_with_a_slip_is_refused_by_its_field(nightshift: Nightshift, office: Office, tmp_path: Path):
    add_acme(office)
    token = token_for(nightshift)
    file = tmp_path / "policy.toml"
    file.write_text("version = 2\nroles = x\n", encoding="utf-8")
    for verb in ("check", "set"):
        ended = nightshift("policy", verb, "acme", str(file), token=token)
        assert (ended.code, "policy" in ended.err, "line 2" in ended.err) == (2, True, True)
    file.write_bytes(b"\xff\xfe")
    for given in (str(file), str(tmp_path / "absent.toml")):
        ended = nightshift("policy", "check", "acme", given, token=token)
        assert (ended.code, "FILE" in ended.err) == (2, True)
    assert office.config.policy(ACME).version == 1
