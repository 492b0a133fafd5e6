"""What stages give the log to seal: enough for a person to know who wrote, and nothing in clear."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from nightshift.actionlog.personal import erase, opened
from nightshift.aws.client import METER, client
from nightshift.aws.log import DynamoActionLog
from nightshift.cases.dispatch import dispatch
from nightshift.model.log import EntryKind
from tests.support.desk import ACME as DESK_ACME
from tests.support.desk import ask, ask_for_refund, make_desk, open_case
from tests.support.intake import ACME, Intake, make_intake
from tests.support.proof import Installed, install

if TYPE_CHECKING:
    from tests.conftest import FixedClock
    from tests.support.tables import Tables


@pytest.fixture
def installed(tables: Tables, clock: FixedClock) -> Installed:
    return install(tables, clock)


@pytest.fixture
def intake(tables: Tables, clock: FixedClock, installed: Installed) -> Intake:
    made = make_intake(tables, clock)
    log = DynamoActionLog(tables.log, client("dynamodb"), installed.sealing())
    return replace(made, log=log, desk=replace(made.desk, log=log))


def test_who_wrote_and_how_it_begins_is_sealed(intake: Intake, installed: Installed, tables: Tables) -> None:
    event = intake.source.message("My mug broke.\nThe handle is off.")
    case = dispatch(event, intake.desk).case
    assert case is not None
    (line,) = opened(intake.log.read(case), installed.sealing())
    assert (line.kind, line.fields) == (
        EntryKind.EVENT_RECEIVED,
        {"sender": "kim@example.com", "first_line": "My mug broke."},
    )
    stored = json.dumps(client("dynamodb").scan(TableName=tables.log)["Items"])
    assert ("kim@" in stored, "mug" in stored) == (False, False)


def test_a_delivery_that_is_repeated_seals_nothing_again(intake: Intake) -> None:
    event = intake.source.message()
    case = dispatch(event, intake.desk).case
    METER.take()
    dispatch(event, intake.desk)
    assert not any(name.startswith("kms.") for name in METER.take())
    assert case is not None
    assert sum(entry.sealed is not None for entry in intake.log.read(case)) == 1


def test_the_customer_is_forgotten_with_what_they_wrote(intake: Intake, installed: Installed) -> None:
    case = dispatch(intake.source.message(), intake.desk).case
    assert case is not None
    installed.subject_keys.adopt(ACME, "gid://shopify/Customer/1", case)
    assert erase(installed.subject_keys, ACME, "gid://shopify/Customer/1") == (case,)
    assert [line.forgotten for line in opened(intake.log.read(case), installed.sealing())] == [True]


def test_a_persons_notes_are_sealed(tables: Tables, clock: FixedClock) -> None:
    desk = make_desk(tables, clock)
    case = open_case(desk)
    approval = ask_for_refund(desk, case)
    rejected = ask(desk, f"POST /v1/approvals/{approval.id}/reject", body={"note": "Frau Weber has it back"})
    assert rejected.status == 200
    resolved = ask(
        desk, f"POST /v1/cases/{case.id}/resolve", body={"note": "Frau Weber was called", "events": 1}
    )
    assert resolved.status == 200
    stored = json.dumps(client("dynamodb").scan(TableName=tables.log)["Items"])
    assert "Weber" not in stored
    shown = ask(desk, f"POST /v1/cases/{case.id}/personal").body["lines"]
    assert {line["kind"]: line["fields"] for line in shown} == {
        "approval.decided": {"note": "Frau Weber has it back"},
        "case.resolved": {"note": "Frau Weber was called"},
    }
    assert {entry.tenant for entry in desk.log.read(case.id)} == {DESK_ACME}
