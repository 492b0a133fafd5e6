"""Recovery on demand, as the HTTP API serves it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.desk import OTHER, ask, open_case

if TYPE_CHECKING:
    from nightshift.api.desk import Desk


def test_a_manager_has_a_case_started_anew(desk: Desk) -> None:
    case = open_case(desk)
    done = ask(desk, f"POST /v1/cases/{case.id}/recover", body={})
    assert (done.status, done.body["done"], done.body["recovered"]) == (200, True, 1)
    assert desk.cases.get(case.id).generation == case.generation + 1
    assert "person:ana" in desk.log.read(case.id)[-1].detail["why"]  # type: ignore[operator]  # a string


@pytest.mark.parametrize("person", ["ben", "vera"])
def test_who_may_not_recover_changes_nothing(desk: Desk, person: str) -> None:
    case = open_case(desk)
    for call in (f"POST /v1/cases/{case.id}/recover", "POST /v1/recover"):
        assert ask(desk, call, as_=person, body={}).status == 403
    assert desk.cases.get(case.id) == case


def test_another_tenant_s_case_is_not_found(desk: Desk) -> None:
    case = open_case(desk)
    assert ask(desk, f"POST /v1/cases/{case.id}/recover", tenant=OTHER, body={}).status == 404
    everything = ask(desk, "POST /v1/recover", tenant=OTHER, body={}).body
    assert (everything["done"], everything["seen"]) == (True, 0)
    assert desk.cases.get(case.id) == case


def test_all_cases_alive_are_looked_at(desk: Desk) -> None:
    for name in ("1", "2", "3"):
        open_case(desk, name)
    done = ask(desk, "POST /v1/recover", body={}).body
    assert (done["done"], done["seen"], done["recovered"]) == (True, 3, 3)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"restored_at": "2020-01-01T00:00:00Z"}, "restored_at"),
        ({"restored_at": "yesterday"}, "restored_at"),
        ({"cursor": "elsewhere"}, "cursor"),
        ({"tenant": "other"}, "tenant"),
    ],
)
def test_bad_input_names_the_field_and_changes_nothing(desk: Desk, body: dict[str, str], field: str) -> None:
    case = open_case(desk)
    refused = ask(desk, "POST /v1/recover", body=body)
    assert refused.status in {400, 422}
    assert refused.body["error"]["field"].endswith(field)
    assert desk.cases.get(case.id) == case
