"""Plans that people write: looked at, begun once, followed; nobody runs what they may not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from nightshift.aws.client import client
from nightshift.ids import RunId, StepId, approval_id
from nightshift.model.approval import Approval, ApprovalStatus, AskedStep, asked_digest
from nightshift.model.case import RunOutcome
from nightshift.model.effect import StepResult
from nightshift.model.log import EntryKind
from nightshift.model.tool import Outcome
from nightshift.model.verdict import Tier
from nightshift.ports.log import NewEntry
from tests.support.desk import ACME, OTHER, SHOP, ask, ask_for_refund, make_desk, open_case
from tests.support.rehearsal import Shelf

if TYPE_CHECKING:
    from datetime import datetime

    from nightshift.api.desk import Desk
    from tests.conftest import FixedClock
    from tests.support.tables import Tables

SKU = "MUG-BLUE"


@pytest.fixture
def shelf() -> Shelf:
    shelf = Shelf()
    shelf.put(SHOP, SKU, price=1250)
    return shelf


@pytest.fixture
def desk(tables: Tables, clock: FixedClock, shelf: Shelf) -> Desk:
    return make_desk(tables, clock, shelf=shelf)


def eur(amount: int) -> dict[str, Any]:
    return {"amount": amount, "currency": "EUR"}


def reprice(to: int = 1190, **changes: object) -> dict[str, Any]:
    read = {"id": "product", "tool": "catalog.get_product", "channel": SHOP, "args": {"sku": SKU}}
    write = {
        "id": "reprice",
        "tool": "pricing.set",
        "channel": SHOP,
        "args": {"sku": SKU, "price": eur(to), "expected_price": "${steps.product.price}"},
        "needs": ["product"],
    }
    return {"name": "reprice", "steps": [read, write], **changes}


def order(plan: dict[str, Any], key: str = "order-0001") -> dict[str, Any]:
    return {"plan": plan, "key": key}


def test_a_check_says_what_the_gate_would_say_and_stores_nothing(desk: Desk) -> None:
    got = ask(desk, "POST /v1/plans/check", body={"plan": reprice()})
    assert got.status == 200
    assert got.body["decision"] in {"ALLOW", "ASK"}
    assert ask(desk, "GET /v1/runs").body == {"runs": [], "next": ""}


def test_a_check_gives_every_finding_at_once_with_its_step_field_and_fix(desk: Desk) -> None:
    plan = reprice()
    plan["steps"][0]["channel"] = "nowhere"
    plan["steps"][1]["args"]["sku"] = 7
    plan["steps"][1]["needs"] = ["product", "missing"]
    got = ask(desk, "POST /v1/plans/check", body={"plan": plan})
    assert got.status == 200
    assert got.body["decision"] == "REFUSE"
    found = {(f["step"], f["rule"]) for f in got.body["findings"]}
    assert {("product", "channel"), ("reprice", "needs")} <= found
    assert all(f["fix"] for f in got.body["findings"])


def test_a_plan_that_is_no_plan_is_refused_with_the_field(desk: Desk) -> None:
    plan = reprice()
    plan["steps"][1]["tool"] = "not a tool"
    got = ask(desk, "POST /v1/plans/check", body={"plan": plan})
    assert got.status == 400
    assert got.body["error"]["field"] == "plan.steps.1.tool"


def test_a_dry_run_shows_what_a_write_finds_and_leaves(desk: Desk, shelf: Shelf) -> None:
    got = ask(desk, "POST /v1/plans/dry-run", body={"plan": reprice()})
    assert got.status == 200
    assert got.body["passed"] is True
    read, write = got.body["steps"]
    assert read["prospect"] == "READ"
    assert read["output"]["price"] == eur(1250)
    assert write["prospect"] == "WOULD_RUN"
    assert write["before"] == {"price": eur(1250)}
    assert write["after"] == {"price": eur(1190)}
    assert {tool for _, tool in shelf.reads} == {"catalog.get_product"}
    assert ask(desk, "GET /v1/runs").body["runs"] == []


@pytest.mark.guarantee("plans:one-order-one-run")
def test_a_run_begins_once_however_often_its_order_is_sent(desk: Desk) -> None:
    first = ask(desk, "POST /v1/runs", body=order(reprice()))
    again = ask(desk, "POST /v1/runs", body=order(reprice()))
    assert (first.status, first.body["started"]) == (200, True)
    assert again.body == first.body
    listed = ask(desk, "GET /v1/runs").body["runs"]
    assert [(line["run"], line["name"], line["proposed_by"], line["status"]) for line in listed] == [
        (first.body["run"], "reprice", "person:ana", "RUNNING")
    ]
    kinds = [entry.kind for entry in desk.log.read(first.body["run"])]
    assert kinds == [EntryKind.PLAN_PROPOSED]


def test_one_key_begins_one_plan_and_another_persons_key_is_another(desk: Desk) -> None:
    first = ask(desk, "POST /v1/runs", body=order(reprice()))
    other_plan = ask(desk, "POST /v1/runs", body=order(reprice(1100)))
    assert other_plan.status == 409
    assert first.body["run"] in other_plan.body["error"]["problem"]
    bens = ask(desk, "POST /v1/runs", body=order(reprice(1100)), as_="ben")
    assert bens.body["started"]
    assert bens.body["run"] != first.body["run"]


def test_a_viewer_may_neither_check_nor_rehearse_nor_run_a_plan(desk: Desk, shelf: Shelf) -> None:
    for path in ("plans/check", "plans/dry-run"):
        got = ask(desk, f"POST /v1/{path}", body={"plan": reprice()}, as_="vera")
        assert got.status == 403
        assert "plans:run" in got.body["error"]["problem"]
    assert ask(desk, "POST /v1/runs", body=order(reprice()), as_="vera").status == 403
    assert ask(desk, "GET /v1/runs", as_="vera").body["runs"] == []
    assert shelf.reads == []


@pytest.mark.guarantee("plans:nothing-is-read-for-who-may-not")
def test_of_a_plan_that_its_requester_may_not_run_nothing_is_read(desk: Desk, shelf: Shelf) -> None:
    got = ask(desk, "POST /v1/plans/dry-run", body={"plan": reprice()}, as_="ben")
    assert got.status == 200
    assert got.body["passed"] is False
    assert got.body["steps"] == []
    assert {"permission"} == {f["rule"] for f in got.body["verdict"]["findings"] if f["decision"] == "REFUSE"}
    assert shelf.reads == []


def with_test(that: str) -> dict[str, Any]:
    return reprice(tests=[{"name": "no deep cut", "that": that}], inputs={"zero": 1})


def test_a_plan_whose_tests_hold_begins(desk: Desk) -> None:
    that = "steps.reprice.after.price.amount * 100 >= steps.reprice.before.price.amount * 90"
    got = ask(desk, "POST /v1/runs", body=order(with_test(that)))
    assert got.body["started"] is True
    assert got.body["tests"] == [{"name": "no deep cut", "holds": True, "why": ""}]


@pytest.mark.guarantee("plans:only-with-its-tests")
@pytest.mark.parametrize(
    ("that", "says"),
    [
        ("steps.reprice.after.price.amount > 1200", "does not hold"),
        ("steps.nothing.after > 1", "no step nothing"),
        ("1 +", "ends too early"),
        ("steps.product.price.amount / (inputs.zero - inputs.zero) > 1", "cannot be judged"),
    ],
)
def test_a_plan_whose_tests_do_not_hold_begins_nothing_and_says_which(
    desk: Desk, that: str, says: str
) -> None:
    got = ask(desk, "POST /v1/runs", body=order(with_test(that)))
    assert got.status == 200
    assert (got.body["started"], got.body["run"]) == (False, None)
    (finding,) = got.body["findings"]
    assert says in finding["problem"]
    assert finding["field"].startswith("tests")
    assert ask(desk, "GET /v1/runs").body["runs"] == []


def test_a_run_that_began_is_not_tested_again_when_its_order_is_repeated(desk: Desk, shelf: Shelf) -> None:
    plan = with_test("steps.product.price.amount == 1250")
    first = ask(desk, "POST /v1/runs", body=order(plan))
    shelf.put(SHOP, SKU, price=1190)  # the run itself changed the world
    again = ask(desk, "POST /v1/runs", body=order(plan))
    assert again.body["started"] is True
    assert again.body["run"] == first.body["run"]


def test_a_plan_that_is_too_large_is_refused_in_words(desk: Desk) -> None:
    got = ask(desk, "POST /v1/runs", body=order(reprice(inputs={"text": "x" * 210_000})))
    assert got.status == 400
    assert got.body["error"]["field"] == "plan"


def test_a_run_is_shown_step_by_step_with_what_it_asks_and_how_it_ended(desk: Desk) -> None:
    run = RunId(ask(desk, "POST /v1/runs", body=order(reprice())).body["run"])
    shown = ask(desk, f"GET /v1/runs/{run}").body
    assert (shown["status"], shown["verdict"], shown["outcome"]) == ("RUNNING", None, None)
    assert [(s["step"], s["state"]) for s in shown["steps"]] == [
        ("product", "PENDING"),
        ("reprice", "PENDING"),
    ]
    at = desk.clock.now()
    desk.runs.keep(
        StepResult(run=run, step=StepId("product"), outcome=Outcome.DONE, output={"sku": SKU}, settled_at=at)
    )
    approval = asked_for(desk, run, at)
    waiting = ask(desk, f"GET /v1/runs/{run}").body
    assert waiting["status"] == "WAITING"
    assert [s["state"] for s in waiting["steps"]] == ["DONE", "WAITING"]
    assert [a["id"] for a in waiting["approvals"]] == [approval.id]
    assert ask(desk, "GET /v1/runs").body["runs"][0]["status"] == "WAITING"
    desk.runs.settle(RunOutcome(run=run, status="EXPIRED", reason="nobody answered in time", settled_at=at))
    ended = ask(desk, f"GET /v1/runs/{run}").body
    assert (ended["status"], ended["outcome"]["reason"]) == ("EXPIRED", "nobody answered in time")
    assert ask(desk, "GET /v1/runs").body["runs"][0]["status"] == "EXPIRED"


def asked_for(desk: Desk, run: RunId, at: datetime) -> Approval:
    """What the notifier keeps when the run asks."""
    proposal = desk.runs.proposal(run)
    steps = (
        AskedStep(
            step=StepId("reprice"), tool="pricing.set", tool_version="v", channel=SHOP,
            args={"sku": SKU}, rule="visible", tier=Tier.APPROVE,
        ),
    )  # fmt: skip
    digest = asked_digest(steps, 1)
    approval = Approval(
        id=approval_id(run, digest), tenant=ACME, run=run, case=None, subject="",
        requester=proposal.requester, summary="reprice", steps=steps, digest=digest, policy_version=1,
        at_risk=None, asked_at=at, expires_at=at,
    )  # fmt: skip
    assert approval.status is ApprovalStatus.PENDING
    desk.approvals.ask(approval, "token", 1)
    desk.log.append(
        run,
        NewEntry(
            kind=EntryKind.APPROVAL_ASKED, tenant=ACME, at=at, actor="approvals", ref=approval.id,
            detail={"approval": approval.id},
        ),
    )  # fmt: skip
    return approval


def test_a_run_of_a_case_is_shown_as_well(desk: Desk) -> None:
    case = open_case(desk)
    approval = ask_for_refund(desk, case)
    shown = ask(desk, f"GET /v1/runs/{approval.run}")
    assert shown.status == 200
    assert shown.body["status"] == "WAITING"
    assert [a["id"] for a in shown.body["approvals"]] == [approval.id]


def test_another_tenants_run_is_as_absent_as_one_that_never_was(desk: Desk) -> None:
    run = ask(desk, "POST /v1/runs", body=order(reprice())).body["run"]
    for tenant, wanted in ((OTHER, run), (ACME, f"run_{'a' * 26}")):
        got = ask(desk, f"GET /v1/runs/{wanted}", tenant=tenant)
        assert got.status == 404
        assert wanted in got.body["error"]["problem"]


def test_runs_are_listed_page_by_page(desk: Desk, clock: FixedClock) -> None:
    begun = []
    for number in range(5):
        clock.advance(1)
        begun.append(ask(desk, "POST /v1/runs", body=order(reprice(), f"order-000{number}")).body["run"])
    seen: list[str] = []
    cursor = ""
    while True:
        page = ask(desk, f"GET /v1/runs?limit=2&cursor={cursor}").body
        seen += [line["run"] for line in page["runs"]]
        cursor = page["next"]
        if not cursor:
            break
    assert seen == list(reversed(begun))
    assert ask(desk, "GET /v1/runs?cursor=nonsense").status == 400


def test_the_records_of_a_run_without_a_case_are_in_the_runs_table_alone(desk: Desk, tables: Tables) -> None:
    run = ask(desk, "POST /v1/runs", body=order(reprice())).body["run"]
    stored = client("dynamodb").scan(TableName=tables.runs)["Items"]
    assert sorted(each["pk"]["S"] for each in stored) == [f"plan#{run}", f"runs#{ACME}"]
