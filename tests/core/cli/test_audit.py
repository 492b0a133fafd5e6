"""`nightshift log verify` against an API that hands out whatever an attacker left of log and anchors."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from rich.console import Console

from functions.api.routes import answer
from nightshift.actionlog.chain import GENESIS, link
from nightshift.aws.client import client
from nightshift.cli.main import Outside, build, run
from nightshift.ids import TenantId
from nightshift.model.anchor import Kept
from nightshift.model.log import EntryKind, LogEntry
from nightshift.ports.log import NewEntry
from nightshift.wiring.anchor import Anchorer
from tests.support.desk import ACME, ask, make_desk, open_case, request, token_of
from tests.support.proof import Counted, Installed, changes_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from nightshift.api.desk import Desk
    from nightshift.model.case import Case
    from tests.conftest import FixedClock
    from tests.support.tables import Tables


@dataclass
class Shop:
    """A log with two cases, whose anchors are up to date, and an auditor's command line."""

    desk: Desk
    table: str
    installed: Installed
    first: Case
    second: Case
    ask: Callable[..., tuple[int, str]]

    def anchor(self) -> None:
        """What the log's stream brings since the last time."""
        records = changes_of(self.table)
        Anchorer(parts=self.installed.anchoring, metrics=Counted()).batch({"Records": records})

    def note(self, case: Case, ref: str) -> None:
        at = self.desk.clock.now()
        new = NewEntry(kind=EntryKind.CONTEXT_READ, tenant=ACME, at=at, actor="context", ref=ref)
        self.desk.log.append(case.id, new)

    def items(self, case: Case) -> list[dict[str, Any]]:
        db = client("dynamodb")
        found = db.query(
            TableName=self.table,
            KeyConditionExpression="pk = :case",
            ExpressionAttributeValues={":case": {"S": case.id}},
        )
        return found["Items"]

    def remove(self, *items: dict[str, Any]) -> None:
        for item in items:
            client("dynamodb").delete_item(TableName=self.table, Key={"pk": item["pk"], "sk": item["sk"]})

    def put(self, template: dict[str, Any], entry: LogEntry) -> None:
        item = {**template, "sk": {"S": f"{entry.seq:08}"}, "doc": {"S": entry.model_dump_json()}}
        client("dynamodb").put_item(TableName=self.table, Item=item)

    def rewrite(self, case: Case, actor: str) -> None:
        """Every entry anew, with every hash recomputed."""
        items, prev = self.items(case), GENESIS
        for item in items:
            old = LogEntry.model_validate_json(item["doc"]["S"])
            new = NewEntry(kind=old.kind, tenant=old.tenant, at=old.at, actor=actor, ref=str(old.seq))
            entry = link(old.stream, new, seq=old.seq, prev=prev)
            self.put(item, entry)
            prev = entry.hash


@pytest.fixture
def shop(
    tables: Tables,
    clock: FixedClock,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Shop:
    desk = make_desk(tables, clock)
    bucket = f"anchors-{tables.subjects.rsplit('-', 1)[-1]}"
    signing = client("kms").describe_key(KeyId=desk.proof.key.pem()[0])["KeyMetadata"]["Arn"]
    installed = Installed(
        bucket=bucket, signing_key=signing, wrapping_key="", subjects=tables.subjects, clock=clock
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("NIGHTSHIFT_API", "NIGHTSHIFT_PROFILE"):
        monkeypatch.delenv(name, raising=False)

    def serve(sent: httpx.Request) -> httpx.Response:
        token = sent.headers.get("authorization", "").removeprefix("Bearer ")
        asked = request(
            sent.method,
            sent.url.path,
            token=token,
            query=sent.url.query.decode(),
            body=sent.content.decode() or None,
        )
        got = answer(asked, desk)
        return httpx.Response(int(got["statusCode"]), text=got["body"])

    def command(*arguments: str, as_: str = "ana") -> tuple[int, str]:
        monkeypatch.setenv("NIGHTSHIFT_TOKEN", token_of(as_, clock.now()))
        shown = io.StringIO()
        outside = Outside(
            clock=clock,
            identity_key=str,
            console=Console(file=shown, width=200, highlight=False),
            transport=httpx.MockTransport(serve),
        )
        code = run(build(outside), ["--api", "http://api.test", *arguments])
        printed = capsys.readouterr()
        return code, shown.getvalue() + printed.out + printed.err

    first, second = open_case(desk, "1"), open_case(desk, "2")
    made = Shop(desk, tables.log, installed, first, second, command)
    for ref in "abc":
        made.note(first, ref)
    made.anchor()
    made.note(first, "d")
    made.note(second, "a")
    made.anchor()
    clock.advance(3600)
    return made


def test_an_untouched_log_is_proven(shop: Shop):
    code, said = shop.ask("log", "verify")
    assert (code, "7 entries in 2 chains, 2 anchors: 7 proven." in said) == (0, True)
    assert shop.ask("log", "verify", shop.first.id)[0] == 0
    assert shop.ask("log", shop.first.id, "--verify")[0] == 0
    found = json.loads(shop.ask("log", "verify", shop.second.id, "--json")[1])
    assert (found["proven"], found["anchors"], found["breaks"]) == (2, 2, [])


def _edit(shop: Shop) -> None:
    item = shop.items(shop.first)[1]
    item["doc"]["S"] = item["doc"]["S"].replace('"actor":"context"', '"actor":"mallory"')
    client("dynamodb").put_item(TableName=shop.table, Item=item)


def _garbage(shop: Shop) -> None:
    item = shop.items(shop.first)[1]
    item["doc"]["S"] = "nothing an API could read"
    client("dynamodb").put_item(TableName=shop.table, Item=item)


def _tail(shop: Shop) -> None:
    shop.remove(shop.items(shop.first)[-1])


def _middle(shop: Shop) -> None:
    shop.remove(shop.items(shop.first)[2])


def _swap(shop: Shop) -> None:
    one, two = shop.items(shop.first)[1:3]
    one["doc"], two["doc"] = two["doc"], one["doc"]
    for item in (one, two):
        client("dynamodb").put_item(TableName=shop.table, Item=item)


def _insert(shop: Shop) -> None:
    """One more in the middle, and everything after it linked anew."""
    items = shop.items(shop.first)
    entries = [LogEntry.model_validate_json(item["doc"]["S"]) for item in items]
    prev = entries[1].hash
    for seq, kind in enumerate([EntryKind.CASE_CLOSED, *(e.kind for e in entries[2:])], start=3):
        new = NewEntry(kind=kind, tenant=ACME, at=entries[-1].at, actor="x", ref=f"new {seq}")
        entry = link(shop.first.id, new, seq=seq, prev=prev)
        shop.put(items[0], entry)
        prev = entry.hash


def _rewrite(shop: Shop) -> None:
    shop.rewrite(shop.first, "somebody")


def _rewrite_all(shop: Shop) -> None:
    shop.rewrite(shop.first, "somebody")
    shop.rewrite(shop.second, "somebody")
    shop.anchor()  # the function is not told that this is no new history


def _stream(shop: Shop) -> None:
    shop.remove(*shop.items(shop.first))


ATTACKS = (_edit, _garbage, _tail, _middle, _swap, _insert, _rewrite, _rewrite_all, _stream)


@pytest.mark.guarantee("log:proves-itself-against-an-outside-anchor")
@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__.strip("_"))
def test_what_was_done_to_the_log_is_found(shop: Shop, attack: Callable[[Shop], None]):
    attack(shop)
    for arguments in (("log", "verify"), ("log", "verify", shop.first.id)):
        code, said = shop.ask(*arguments)
        assert (code, shop.first.id in said) == (1, True)


def test_a_case_whose_every_record_was_removed_is_missed(shop: Shop):
    shop.remove(*shop.items(shop.first))
    db, cases = client("dynamodb"), shop.table.replace("log-", "cases-")
    for item in db.scan(TableName=cases)["Items"]:
        if shop.first.id in item["pk"]["S"]:
            db.delete_item(TableName=cases, Key={"pk": item["pk"], "sk": item["sk"]})
    code, said = shop.ask("log", "verify")
    assert (code, f"{shop.first.id} entry 5: the whole stream is gone" in said) == (1, True)


# -- the anchors


def _object(shop: Shop, number: int) -> tuple[str, bytes]:
    name = f"{ACME}/{number:012}.json"
    return name, client("s3").get_object(Bucket=shop.installed.bucket, Key=name)["Body"].read()


def _forged(shop: Shop) -> None:
    """A third anchor, signed by nobody."""
    _, body = _object(shop, 2)
    anchor = json.loads(body)
    anchor["seal"]["number"] = 3
    client("s3").put_object(Bucket=shop.installed.bucket, Key=f"{ACME}/{3:012}.json", Body=json.dumps(anchor))


def _own_key(shop: Shop) -> None:
    """The first anchor anew, with another key of the same account, over the one that is there."""
    name, body = _object(shop, 1)
    other = client("kms").create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"]
    forger = Installed(**{**vars(shop.installed), "signing_key": other})
    anchor = json.loads(body)
    anchor["signature"] = forger.anchoring.signer.sign(bytes(32)).model_dump()
    client("s3").put_object(Bucket=shop.installed.bucket, Key=name, Body=json.dumps(anchor))


def _hidden(shop: Shop) -> None:
    """Rolled back: the newest anchor is deleted, as far as Object Lock lets anybody."""
    client("s3").delete_object(Bucket=shop.installed.bucket, Key=f"{ACME}/{2:012}.json")


def _old_over_new(shop: Shop) -> None:
    _, body = _object(shop, 1)
    client("s3").put_object(Bucket=shop.installed.bucket, Key=f"{ACME}/{2:012}.json", Body=body)


@pytest.mark.guarantee("log:proves-itself-against-an-outside-anchor")
@pytest.mark.parametrize(
    "attack", [_forged, _own_key, _hidden, _old_over_new], ids=lambda attack: attack.__name__.strip("_")
)
def test_what_was_done_to_the_anchors_is_found(shop: Shop, attack: Callable[[Shop], None]):
    attack(shop)
    code, said = shop.ask("log", "verify")
    assert (code, "anchors of acme" in said) == (1, True)


def test_anchors_that_were_rolled_back_with_their_bucket_are_missed_by_who_saw_them(
    shop: Shop, tmp_path: Path
):
    witness = tmp_path / "witness.json"
    assert shop.ask("log", "verify", "--witness", str(witness))[0] == 0
    assert json.loads(witness.read_text())["last"]["number"] == 2
    assert shop.ask("log", "verify", "--witness", str(witness))[0] == 0
    before = witness.read_text()
    s3, bucket = client("s3"), f"{shop.installed.bucket}-restored"
    s3.create_bucket(Bucket=bucket)
    name, body = _object(shop, 1)
    s3.put_object(Bucket=bucket, Key=name, Body=body)
    rolled_back = Installed(**{**vars(shop.installed), "bucket": bucket})
    object.__setattr__(shop.desk, "proof", rolled_back.proof())
    for item in (shop.items(shop.first)[-1], shop.items(shop.second)[-1]):
        shop.remove(item)
    assert shop.ask("log", "verify")[0] == 0  # the bucket and the log agree: only a witness can tell
    code, said = shop.ask("log", "verify", "--witness", str(witness))
    assert (code, "rolled back" in said) == (1, True)
    assert witness.read_text() == before


def test_an_api_that_hides_the_end_and_shows_the_witness_alone_is_found_out(shop: Shop, tmp_path: Path):
    witness = tmp_path / "witness.json"
    assert shop.ask("log", "verify", "--witness", str(witness))[0] == 0
    before = witness.read_text()
    real = shop.desk.proof.anchors

    class Hiding:
        def kept(self, tenant: TenantId, *, after: int, limit: int) -> tuple[Kept, ...]:
            found = real.kept(tenant, after=after, limit=limit)
            return found if limit == 1 else tuple(one for one in found if one.number == 1)

        def stored_at(self, tenant: TenantId, number: int) -> datetime | None:
            return real.stored_at(tenant, number)

    object.__setattr__(shop.desk, "proof", replace(shop.desk.proof, anchors=Hiding()))
    for item in (shop.items(shop.first)[-1], shop.items(shop.second)[-1]):
        shop.remove(item)
    for since in ((), ("--since", "2020-01-01")):
        code, said = shop.ask("log", "verify", "--witness", str(witness), *since)
        assert (code, "rolled back" in said) == (1, True)
    assert witness.read_text() == before


def test_an_auditors_own_key_is_trusted_and_not_the_apis(shop: Shop, tmp_path: Path):
    code, pem = shop.ask("log", "key")
    assert (code, pem.startswith("-----BEGIN PUBLIC KEY-----")) == (0, True)
    mine = tmp_path / "anchors.pem"
    mine.write_text(pem)
    code, said = shop.ask("log", "verify", "--key", str(mine))
    assert (code, "word" in said) == (0, False)
    other = client("kms").create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"]
    forger = Installed(**{**vars(shop.installed), "signing_key": other})
    object.__setattr__(shop.desk, "proof", forger.proof())
    shop.note(shop.first, "later")
    Anchorer(parts=forger.anchoring, metrics=Counted()).batch({"Records": changes_of(shop.table)})
    code, said = shop.ask("log", "verify", "--key", str(mine))
    assert (code, "anchors of acme entry 3: the signature is not of our key" in said) == (1, True)


def test_what_is_not_anchored_yet_is_said_and_then_is_a_problem(shop: Shop, clock: FixedClock):
    shop.note(shop.first, "young")
    code, said = shop.ask("log", "verify")
    assert (code, "7 proven, 1 not anchored yet." in said) == (0, True)
    clock.advance(16 * 60)
    for arguments in (("log", "verify"), ("log", "verify", shop.first.id)):
        code, said = shop.ask(*arguments)
        assert (code, f"{shop.first.id} entry 6" in said, "never anchored" in said) == (1, True, True)
    assert shop.ask("log", "verify", "--lag", "20")[0] == 0
    shop.anchor()
    assert shop.ask("log", "verify")[0] == 0


def test_only_what_was_anchored_since_can_be_verified(shop: Shop):
    # the bucket has its own clock, the machine's
    code, said = shop.ask("log", "verify", "--since", "2099-01-01")
    assert (code, "0 anchors" in said, "7 from before not judged" in said) == (0, True, True)
    code, said = shop.ask("log", "verify", "--since", "2020-01-01T00:00:00")
    assert (code, "2 anchors: 7 proven" in said) == (0, True)
    _edit(shop)
    assert shop.ask("log", "verify", "--since", "2020-01-01")[0] == 1


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        (("--witness", "broken.json"), "--witness"),
        (("--key", "nowhere.pem"), "--key"),
        (("--key", "broken.json"), "key"),
        (("case_x", "--witness", "w.json"), "CASE"),
        (("--since", "yesterday"), "--since"),
    ],
)
def test_wrong_options_are_bad_input(shop: Shop, tmp_path: Path, arguments: tuple[str, ...], field: str):
    (tmp_path / "broken.json").write_text("{}")
    code, said = shop.ask("log", "verify", *arguments)
    assert (code, field in said) == (2, True)


def test_a_witness_of_another_tenant_is_bad_input(shop: Shop, tmp_path: Path):
    witness = tmp_path / "witness.json"
    witness.write_text(json.dumps({"tenant": "other", "last": {"number": 1, "digest": "0"}}))
    code, said = shop.ask("log", "verify", "--witness", str(witness))
    assert (code, "other" in said) == (2, True)


def test_another_tenant_sees_none_of_it(shop: Shop):
    other = TenantId("other")
    assert ask(shop.desk, "GET /v1/log/anchors", tenant=other).body["anchors"] == []
    entries = ask(shop.desk, f"GET /v1/log/entries?roots={shop.first.id}", tenant=other)
    assert entries.body == {"done": [shop.first.id], "entries": []}
    assert ask(shop.desk, f"GET /v1/cases/{shop.first.id}/proofs", tenant=other).status == 404
    assert ask(shop.desk, f"POST /v1/cases/{shop.first.id}/personal", tenant=other).status == 404


# -- personal fields


def _resolved(shop: Shop) -> None:
    assert shop.ask("resolve", shop.first.id, "--note", "Frau Weber was called")[0] == 0


def test_a_managers_look_at_personal_fields_is_logged_first(shop: Shop):
    _resolved(shop)
    assert "Weber" not in shop.ask("log", shop.first.id)[1]
    code, said = shop.ask("log", shop.first.id, "--personal")
    assert (code, "note: Frau Weber was called" in said) == (0, True)
    last = shop.desk.log.read(shop.first.id)[-1]
    assert (last.kind, last.actor) == (EntryKind.PERSONAL_READ, "person:ana")
    assert "Weber" not in last.model_dump_json()


def test_who_may_read_the_log_may_not_read_what_is_personal(shop: Shop):
    _resolved(shop)
    code, said = shop.ask("log", shop.first.id, "--personal", as_="ben")
    assert (code, "log:personal" in said) == (1, True)
    assert EntryKind.PERSONAL_READ not in {entry.kind for entry in shop.desk.log.read(shop.first.id)}


@pytest.mark.guarantee("log:forgotten-fields-are-gone")
def test_what_was_forgotten_is_shown_as_forgotten_and_the_log_is_still_proven(shop: Shop):
    _resolved(shop)
    shop.anchor()
    assert shop.installed.subject_keys.forget(ACME, shop.first.id)
    code, said = shop.ask("log", shop.first.id, "--personal")
    assert (code, "forgotten" in said, "Weber" in said) == (0, True, False)
    assert shop.ask("log", "verify")[0] == 0


def test_a_case_with_nothing_personal_says_so(shop: Shop):
    assert "Nothing personal" in shop.ask("log", shop.second.id, "--personal")[1]


def test_a_long_history_is_downloaded_page_by_page(shop: Shop, clock: FixedClock):
    for n in range(24):
        open_case(shop.desk, f"more-{n}")
        if n % 2:
            shop.anchor()
    clock.advance(timedelta(hours=1).total_seconds())
    code, said = shop.ask("log", "verify")
    assert (code, "31 entries in 26 chains, 14 anchors: 31 proven." in said) == (0, True)
