"""What an operator mends: dead letters moved back, parked deliveries taken in again, effects settled."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from functions.api.routes import answer
from nightshift.actionlog.chain import verify
from nightshift.aws.client import client
from nightshift.errors import Retryable
from nightshift.identity.token import PLATFORM, Identity, issue
from nightshift.ids import StepId, TenantId
from nightshift.model.effect import Claim, Effect, EffectState
from nightshift.model.lane import Lane
from nightshift.model.tool import Outcome
from nightshift.money import Money
from nightshift.ports.deliveries import Delivery
from nightshift.ports.ledger import Fence, Fenced, Headroom, Stop
from tests.support import records
from tests.support.desk import (
    ACME,
    KEY,
    OTHER,
    SHOP,
    Answer,
    ask,
    ask_for_refund,
    make_desk,
    make_queue,
    open_case,
    request,
    suffix_of,
)
from tests.support.functions import Functions

if TYPE_CHECKING:
    from nightshift.api.desk import Desk
    from tests.conftest import FixedClock
    from tests.support.tables import Tables

REFUND = StepId("refund")


@pytest.fixture
def functions() -> Iterator[Functions]:
    with Functions() as served:
        yield served


@pytest.fixture
def desk(tables: Tables, clock: FixedClock, functions: Functions) -> Desk:
    return make_desk(tables, clock, functions.client())


def as_platform(desk: Desk, call: str, body: object = None) -> Answer:
    method, path = call.split(" ")
    who = Identity(tenant=PLATFORM, staff="jo")
    token = issue(KEY, who, at=desk.clock.now(), lasts=timedelta(minutes=10))
    raw = None if body is None else json.dumps(body)
    got = answer(request(method, path, token=token, body=raw), desk)
    return Answer(got["statusCode"], json.loads(got["body"]))


# dead letters


def bury(tables: Tables, number: int, *, group: str = "g") -> None:
    client("sqs").send_message(
        QueueUrl=make_queue("events-dead", suffix_of(tables)),
        MessageBody=f"body {number}",
        MessageGroupId=group,
        MessageDeduplicationId=f"evt-{number}",
        MessageAttributes={
            "tenant": {"DataType": "String", "StringValue": "acme"},
            "delivery": {"DataType": "String", "StringValue": f"d-{number}"},
        },
    )


def taken(tables: Tables, name: str = "events") -> list[dict[str, Any]]:
    """Everything in a queue, each message once."""
    sqs, url, found = client("sqs"), make_queue(name, suffix_of(tables)), []
    while page := sqs.receive_message(
        QueueUrl=url,
        MaxNumberOfMessages=10,
        MessageAttributeNames=["All"],
        MessageSystemAttributeNames=["All"],
    ).get("Messages", []):
        for each in page:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])
        found += [dict(each) for each in page]
    return found


def test_dead_letters_go_back_as_they_came(desk: Desk, tables: Tables):
    for number in range(23):
        bury(tables, number, group=f"g{number % 3}")
    done = as_platform(desk, "POST /v1/queues/events/redrive", {"limit": 100}).body
    assert (done["moved"], done["failed"], done["left"]) == (23, 0, 0)
    back = taken(tables)
    assert sorted(each["Body"] for each in back) == sorted(f"body {n}" for n in range(23))
    assert {each["MessageAttributes"]["tenant"]["StringValue"] for each in back} == {"acme"}
    for group in ("g0", "g1", "g2"):
        order = [int(e["Body"].split()[1]) for e in back if e["Attributes"]["MessageGroupId"] == group]
        assert order == sorted(order)


def test_a_letter_sent_a_moment_ago_is_not_dropped_as_a_repetition(desk: Desk, tables: Tables):
    client("sqs").send_message(
        QueueUrl=make_queue("events", suffix_of(tables)),
        MessageBody="body 1",
        MessageGroupId="g",
        MessageDeduplicationId="evt-1",
    )
    assert len(taken(tables)) == 1
    bury(tables, 1)
    assert as_platform(desk, "POST /v1/queues/events/redrive", {}).body["moved"] == 1
    assert [each["Body"] for each in taken(tables)] == ["body 1"]


def test_a_redrive_is_bounded(desk: Desk, tables: Tables):
    for number in range(12):
        bury(tables, number)
    first = as_platform(desk, "POST /v1/queues/events/redrive", {"limit": 5}).body
    assert (first["moved"], first["left"]) == (5, 7)
    assert (
        as_platform(desk, "POST /v1/queues/events/redrive", {"limit": 500}).body["error"]["field"] == "limit"
    )
    assert as_platform(desk, "POST /v1/queues/events/redrive", {"limit": 200}).body["moved"] == 7
    assert len(taken(tables)) == 12


def test_dead_letters_are_shown_and_stay(desk: Desk, tables: Tables):
    bury(tables, 1)
    for _ in range(2):
        page = as_platform(desk, "GET /v1/queues/events/dead").body
        assert [(each["tenant"], each["delivery"]) for each in page["letters"]] == [("acme", "d-1")]
        assert "body" not in json.dumps(page)
    assert as_platform(desk, "GET /v1/queues").body["queues"][0]["dead"] == 1


@pytest.mark.parametrize("wrapped", [False, True])
def test_mail_that_failed_is_handed_to_its_function_again(
    desk: Desk, tables: Tables, functions: Functions, *, wrapped: bool
):
    seen: list[dict[str, Any]] = []
    functions.handlers["nightshift-test-mail"] = seen.append
    event = {"Records": [{"ses": {"mail": {"messageId": "m-1"}}}]}
    body = {"version": "1.0", "requestPayload": event} if wrapped else event
    url = make_queue("mail-dead", suffix_of(tables))
    client("sqs").send_message(QueueUrl=url, MessageBody=json.dumps(body))
    assert as_platform(desk, "POST /v1/queues/mail/redrive", {}).body["moved"] == 1
    assert seen == [event]
    assert taken(tables, "mail-dead") == []


def test_a_letter_that_cannot_be_sent_stays(desk: Desk, tables: Tables, functions: Functions):
    functions.status = 429
    client("sqs").send_message(QueueUrl=make_queue("mail-dead", suffix_of(tables)), MessageBody="{}")
    done = as_platform(desk, "POST /v1/queues/mail/redrive", {}).body
    assert (done["moved"], done["failed"], done["left"]) == (0, 1, 1)


def test_only_the_platform_looks_into_queues(desk: Desk, tables: Tables):
    bury(tables, 1)
    assert ask(desk, "POST /v1/queues/events/redrive", body={}).status == 403
    assert ask(desk, "GET /v1/queues/events/dead").status == 403
    assert ask(desk, "GET /v1/queues").status == 200
    assert as_platform(desk, "POST /v1/queues/nothing/redrive", {}).status == 404
    assert taken(tables) == []


def test_the_platform_sees_no_tenants_cases(desk: Desk):
    case = open_case(desk)
    for call in (
        "GET /v1/cases", f"GET /v1/cases/{case.id}", f"GET /v1/cases/{case.id}/log", "GET /v1/approvals",
        "GET /v1/deliveries/parked", "GET /v1/effects/unknown", "GET /v1/status", "GET /v1/doctor",
    ):  # fmt: skip
        assert as_platform(desk, call).status == 403, call


# parked deliveries


def park(desk: Desk, name: str = "d-1", tenant: TenantId = ACME) -> Delivery:
    delivery = Delivery(
        tenant=tenant,
        channel=SHOP,
        delivery=name,
        topic="orders/updated",
        body_ref=f"{tenant}/{SHOP}/2026/11/21/{name}-abc",
        body_digest=name.ljust(64, "0"),
        received_at=desk.clock.now(),
        parked="id: int type",
    )
    return desk.deliveries.keep(delivery)


def test_a_parked_delivery_is_taken_in_by_its_vendors_function(desk: Desk, functions: Functions):
    parked = park(desk)
    functions.handlers["nightshift-test-webhook-shopify"] = lambda _: {"done": "sent"}
    got = ask(desk, f"POST /v1/deliveries/{SHOP}/d-1/replay", as_="ben")
    assert (got.status, got.body["done"]) == (200, "sent")
    assert functions.calls[-1]["replay"] == {"tenant": "acme", "channel": SHOP, "ref": parked.body_ref}
    said = desk.log.read("setup:acme")[-1]
    assert (said.kind, said.actor, said.detail["delivery"]) == ("delivery.replayed", "person:ben", "d-1")


def test_a_delivery_that_is_not_parked_is_not_replayed(desk: Desk, functions: Functions):
    park(desk)
    assert ask(desk, f"POST /v1/deliveries/{SHOP}/d-2/replay").status == 404
    assert ask(desk, f"POST /v1/deliveries/{SHOP}/d-1/replay", tenant=OTHER).status == 404
    assert ask(desk, f"POST /v1/deliveries/{SHOP}/d-1/replay", as_="vera").status == 403
    assert functions.calls == []


def test_a_function_that_does_not_answer_loses_nothing(desk: Desk, functions: Functions):
    park(desk)

    def broken(_: dict[str, Any]) -> None:
        message = "AWS did not serve a call"
        raise Retryable(message)

    functions.handlers["nightshift-test-webhook-shopify"] = broken
    assert ask(desk, f"POST /v1/deliveries/{SHOP}/d-1/replay").status == 503
    assert [each["delivery"] for each in ask(desk, "GET /v1/deliveries/parked").body["parked"]] == ["d-1"]


def test_a_parked_mail_is_sent_on_as_the_event_it_became_and_never_read_without_its_verdicts(
    desk: Desk, tables: Tables, functions: Functions
):
    box = desk.config.channel(ACME, SHOP).model_copy(update={"id": "mail", "adapter": "ses"})
    desk.config.put_channel(box)
    unread = park(desk, "m-1").model_copy(update={"channel": box.id, "delivery": "m-2"})
    desk.deliveries.keep(unread)
    refused = ask(desk, "POST /v1/deliveries/mail/m-2/replay")
    assert (refused.status, refused.body["error"]["field"]) == (400, "delivery")
    event = desk.cases.events(open_case(desk).id)[0]
    desk.deliveries.keep(unread.model_copy(update={"delivery": "m-3", "event": event}))
    assert ask(desk, "POST /v1/deliveries/mail/m-3/replay").body["done"] == "sent"
    assert [json.loads(each["Body"])["id"] for each in taken(tables)] == [event.id]
    assert functions.calls == []


# effects


def unknown(desk: Desk, number: int = 1, *, tool: str = "payments.refund") -> Effect:
    """A refund of 20.00 EUR on an order of 42.00 EUR that may have happened."""
    case = open_case(desk, str(number))
    run = ask_for_refund(desk, case).run
    claim = Claim(key=f"lines-{number}", pool=f"payment-{number}", amount=Money(amount=2000, currency="EUR"))
    effect = records.effect(run, held=claim, at=desk.clock.now(), tool=tool)
    desk.ledger.intend(effect, fence=Fence(case=case.id, generation=1), room=Headroom(left=4200, drawn=0))
    open_ = effect.model_copy(update={"state": EffectState.UNKNOWN, "code": "vendor.timeout"})
    desk.ledger.settle(open_, None)
    return open_


def settle(
    desk: Desk, effect: Effect, *, as_: str = "ana", tenant: TenantId = ACME, **found: object
) -> Answer:
    path = f"/v1/runs/{effect.run}/steps/{effect.step}/settle"
    return ask(desk, f"POST {path}", as_=as_, tenant=tenant, body={"attempt": effect.attempt, **found})


def test_unsettled_effects_are_listed_with_what_finds_them(desk: Desk):
    effect = unknown(desk)
    page = ask(desk, "GET /v1/effects/unknown", as_="vera").body
    [line] = page["effects"]
    assert (line["run"], line["step"], line["key"], line["code"]) == (
        effect.run, effect.step, effect.key, "vendor.timeout",
    )  # fmt: skip
    assert line["amount"] == {"amount": 2000, "currency": "EUR"}
    assert line["case"]
    assert ask(desk, "GET /v1/effects/unknown", tenant=OTHER).body["effects"] == []


def test_a_person_says_that_it_happened(desk: Desk):
    effect = unknown(desk)
    got = settle(desk, effect, done=True, ref="gid://shopify/Refund/9", note="seen in the admin")
    assert (got.status, got.body["state"]) == (200, "DONE")
    found = desk.ledger.find(effect.run, effect.step, 0)
    assert found is not None
    assert (found.state, found.vendor_ref, found.code) == (
        EffectState.DONE, "gid://shopify/Refund/9", "settled.by_person",
    )  # fmt: skip
    result = desk.runs.results(effect.run)[effect.step]
    assert result.outcome is Outcome.DONE
    assert ask(desk, "GET /v1/effects/unknown").body["effects"] == []
    case = desk.runs.proposal(effect.run).case
    entries = desk.log.read(f"{case}/{effect.run}/{effect.step}")
    assert (entries[-1].actor, entries[-1].detail["vendor_ref"]) == ("person:ana", "gid://shopify/Refund/9")
    assert verify(entries) == []
    assert "seen in the admin" not in entries[-1].model_dump_json()


def test_what_happened_stays_claimed_and_what_did_not_is_free_again(desk: Desk):
    done, undone = unknown(desk, 1), unknown(desk, 2)
    settle(desk, done, done=True, ref="r-1")
    settle(desk, undone, done=False, note="no refund on the order, checked by Ana")
    for number, effect, free in ((1, done, False), (2, undone, True)):
        other = open_case(desk, f"other-{number}")
        again = records.effect(ask_for_refund(desk, other).run, held=effect.claim, at=desk.clock.now())
        room = Headroom(left=4200, drawn=0 if free else 1)
        fence = Fence(case=other.id, generation=1)
        if free:
            desk.ledger.intend(again, fence=fence, room=room)
        else:
            with pytest.raises(Fenced) as caught:
                desk.ledger.intend(again, fence=fence, room=room)
            assert caught.value.stop is Stop.CLAIMED


def test_the_run_is_open_to_writes_again(desk: Desk):
    effect = unknown(desk)
    another = records.effect(effect.run, step=StepId("reply"), at=desk.clock.now())
    case = desk.runs.proposal(effect.run).case
    with pytest.raises(Fenced) as caught:
        desk.ledger.intend(another, fence=Fence(case=case, generation=1), room=None)
    assert caught.value.stop is Stop.UNKNOWN
    settle(desk, effect, done=False, note="nothing there")
    desk.ledger.intend(another, fence=Fence(case=case, generation=1), room=None)


def test_the_same_answer_again_changes_nothing_and_another_is_a_conflict(desk: Desk):
    effect = unknown(desk)
    assert settle(desk, effect, done=True, ref="r-1").status == 200
    case = desk.runs.proposal(effect.run).case
    before = desk.log.read(f"{case}/{effect.run}/{effect.step}")
    assert settle(desk, effect, done=True, ref="r-1").status == 200
    assert settle(desk, effect, done=False, note="no").status == 409
    assert settle(desk, effect, done=True, ref="r-2").status == 409
    assert desk.log.read(f"{case}/{effect.run}/{effect.step}") == before


@pytest.mark.parametrize("left", [EffectState.INTENT, EffectState.RELEASED])
def test_what_a_run_left_under_way_and_nobody_carries_on_is_for_a_person_too(
    desk: Desk, clock: FixedClock, left: EffectState
):
    effect = unknown(desk)
    taking_over = effect.model_copy(update={"attempt": 2, "state": EffectState.INTENT, "code": ""})
    desk.ledger.take_over(taking_over, before=effect)
    if left is EffectState.RELEASED:
        desk.ledger.release(taking_over)
    stands = taking_over.model_copy(update={"state": left})
    assert settle(desk, stands, done=False, note="nothing there").status == 409  # it may be at work
    assert ask(desk, "GET /v1/effects/unknown").body["effects"] == []
    clock.at = effect.lease_until
    clock.advance(15 * 60)
    [line] = ask(desk, "GET /v1/effects/unknown").body["effects"]
    assert (line["run"], line["attempt"], line["code"]) == (effect.run, 2, left)
    assert ask(desk, "GET /v1/status").body["unsettled"] == 1
    assert settle(desk, stands, done=False, note="nothing there").status == 200
    assert ask(desk, "GET /v1/effects/unknown").body["effects"] == []
    other = open_case(desk, "other")
    again = records.effect(ask_for_refund(desk, other).run, held=effect.claim, at=clock.now())
    room, fence = Headroom(left=4200, drawn=0), Fence(case=other.id, generation=1)
    desk.ledger.intend(again, fence=fence, room=room)  # the claim is free


def test_an_effect_that_moved_on_is_a_conflict(desk: Desk):
    effect = unknown(desk)
    assert settle(desk, effect.model_copy(update={"attempt": 2}), done=True, ref="r").status == 409
    taking_over = effect.model_copy(update={"attempt": 2, "state": EffectState.INTENT})
    desk.ledger.take_over(taking_over, before=effect)
    assert settle(desk, effect, done=True, ref="r").status == 409
    found = desk.ledger.find(effect.run, effect.step, 0)
    assert found == taking_over


@pytest.mark.parametrize(
    ("found", "field"),
    [({"done": True}, "ref"), ({"done": False}, "note"), ({"done": False, "note": "n", "ref": "r"}, "ref"),
     ({"done": True, "ref": "   "}, "ref"), ({"ref": "r"}, "done"),
     ({"done": True, "ref": "r", "x": 1}, "x")],
)  # fmt: skip
def test_evidence_that_is_missing_is_named(desk: Desk, found: dict[str, object], field: str):
    effect = unknown(desk)
    refused = settle(desk, effect, **found)
    assert (refused.status in {400, 422}, refused.body["error"]["field"]) == (True, field)
    assert desk.ledger.find(effect.run, effect.step, 0) == effect


def test_it_takes_what_the_effect_takes(desk: Desk):
    effect = unknown(desk)
    assert settle(desk, effect, as_="vera", done=True, ref="r").status == 403
    assert "payments:refund" in settle(desk, effect, as_="ben", done=True, ref="r").body["error"]["problem"]
    assert settle(desk, effect, tenant=OTHER, done=True, ref="r").status == 404
    assert desk.ledger.find(effect.run, effect.step, 0) == effect


# the whole at a glance


def test_the_status_counts_what_there_is(desk: Desk, clock: FixedClock, tables: Tables):
    first = open_case(desk, "1")
    clock.advance(60)
    open_case(desk, "2")
    unknown(desk, 3)
    park(desk)
    bury(tables, 1)
    desk.limits.drifted(Lane(tenant=ACME, channel=SHOP), at_once=True, why="orders.get", now=clock.now())
    found = ask(desk, "GET /v1/status").body
    assert found["cases"]["OPEN"] == 3
    assert (found["looked_at"], found["complete"], found["halted"]) == (3, True, False)
    assert found["oldest_open"].startswith(f"{first.opened_at:%Y-%m-%dT%H:%M:%S}")
    assert (found["unsettled"], found["parked"], found["waiting_approvals"]) == (1, 1, 1)
    assert next(q for q in found["queues"] if q["queue"] == "events")["dead"] == 1
    assert [(lane["breaker"], bool(lane["stopped"])) for lane in found["lanes"]] == [("closed", True)]
    assert ask(desk, "GET /v1/status", as_="vera").status == 403


# pages


def pages(desk: Desk, path: str, field: str, *, limit: int) -> list[list[Any]]:
    found, cursor = [], ""
    while True:
        joint = "&" if "?" in path else "?"
        page = ask(desk, f"GET {path}{joint}limit={limit}" + (f"&cursor={cursor}" if cursor else "")).body
        found.append(page[field])
        cursor = page["next"]
        if not cursor:
            return found


@pytest.mark.parametrize("apart", [0, 1])
def test_every_case_is_on_one_page(desk: Desk, clock: FixedClock, apart: int):
    made = []
    for number in range(7):
        made.append(open_case(desk, str(number)).id)
        clock.advance(apart)
    found = pages(desk, "/v1/cases", "cases", limit=3)
    assert [len(page) for page in found] == [3, 3, 1]
    ids = [line["id"] for page in found for line in page]
    assert sorted(ids) == sorted(made)
    if apart:
        assert ids == made[::-1]


def test_cases_of_one_status_are_paged_too(desk: Desk):
    for number in range(4):
        open_case(desk, str(number))
    assert sum(map(len, pages(desk, "/v1/cases?status=OPEN", "cases", limit=3))) == 4
    assert sum(map(len, pages(desk, "/v1/cases?status=CLOSED", "cases", limit=3))) == 0


def test_approvals_parked_deliveries_and_effects_are_paged(desk: Desk, clock: FixedClock):
    for number in range(5):
        unknown(desk, number)
        park(desk, f"d-{number}")
        clock.advance(number % 2)
    for path, field in (
        ("/v1/approvals", "approvals"),
        ("/v1/deliveries/parked", "parked"),
        ("/v1/effects/unknown", "effects"),
    ):
        found = pages(desk, path, field, limit=2)
        every = [json.dumps(line, sort_keys=True) for page in found for line in page]
        assert (len(every), len(set(every))) == (5, 5), path


@pytest.mark.parametrize("cursor", ["x", "e30", "%00", "WzFd", "a" * 3000])
def test_a_cursor_nobody_gave_out_is_refused(desk: Desk, cursor: str):
    for path in ("/v1/cases", "/v1/approvals", "/v1/deliveries/parked", "/v1/effects/unknown"):
        refused = ask(desk, f"GET {path}?cursor={cursor}")
        assert (refused.status, refused.body["error"]["field"]) == (400, "cursor"), path


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("/v1/approvals", {"at": "2026-11-21T09:00:00", "name": "x"}),
        ("/v1/deliveries/parked", {"at": "2026-11-21T09:00:00", "name": "x"}),
        ("/v1/cases", {"opened": "2026-11-21T09:00:00", "shown": []}),
        ("/v1/effects/unknown", {"since": "", "pk": "", "sk": ""}),
        ("/v1/effects/unknown", {"since": "x", "pk": "x" * 2_500, "sk": "x"}),
    ],
)
def test_a_cursor_that_only_looks_like_one_is_refused(desk: Desk, path: str, place: dict[str, object]):
    unknown(desk, 1)
    park(desk, "d-1")
    cursor = base64.urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")
    refused = ask(desk, f"GET {path}?cursor={cursor}")
    assert (refused.status, refused.body["error"]["field"]) == (400, "cursor")


def test_a_cursor_of_one_tenant_shows_nothing_of_it_to_another(desk: Desk):
    for number in range(3):
        unknown(desk, number)
    for path, field in (("/v1/cases", "cases"), ("/v1/effects/unknown", "effects")):
        cursor = ask(desk, f"GET {path}?limit=1").body["next"]
        got = ask(desk, f"GET {path}?cursor={cursor}", tenant=OTHER)
        assert got.status != 200 or got.body[field] == []
