"""Workflows on the command line: saved from files, listed, compared, switched, run."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import httpx
import pytest
from rich.console import Console

from functions.api.routes import answer
from nightshift.cli.main import Outside, build, run
from tests.core.cli.test_commands import Ended
from tests.support.desk import KEY, SHOP, make_desk, request, token_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from nightshift.api.desk import Desk
    from tests.conftest import FixedClock
    from tests.support.tables import Tables

READ = {"id": "product", "tool": "catalog.get_product", "channel": SHOP, "args": {"sku": "MUG-BLUE"}}
DAILY = {"kind": "schedule", "cron": "0 9 * * *", "timezone": "Europe/Berlin"}
WORKFLOW: dict[str, object] = {"trigger": DAILY, "plan": {"name": "look", "steps": [READ]}}


@pytest.fixture
def desk(tables: Tables, clock: FixedClock) -> Desk:
    return make_desk(tables, clock)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "look.json"
    path.write_text(json.dumps(WORKFLOW), encoding="utf-8")
    return path


@pytest.fixture
def nightshift(
    desk: Desk, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[..., Ended]:
    def serve(sent: httpx.Request) -> httpx.Response:
        event = request(
            sent.method,
            sent.url.path,
            token=sent.headers.get("authorization", "").removeprefix("Bearer "),
            query=sent.url.query.decode(),
            body=sent.content.decode() or None,
        )
        got = answer(event, desk)
        return httpx.Response(int(got["statusCode"]), text=got["body"])

    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)

    def command(*arguments: str, as_: str = "ana") -> Ended:
        monkeypatch.setenv("NIGHTSHIFT_TOKEN", token_of(as_, desk.clock.now()))
        shown = io.StringIO()
        outside = Outside(
            clock=desk.clock,
            identity_key=lambda _: KEY,
            console=Console(file=shown, width=200, highlight=False),
            transport=httpx.MockTransport(serve),
        )
        code = run(build(outside), ["--api", "http://api.test", "workflow", *arguments])
        printed = capsys.readouterr()
        return Ended(code, shown.getvalue(), printed.out, printed.err)

    return command


def test_a_workflow_is_saved_from_a_file_listed_shown_and_switched(
    nightshift: Callable[..., Ended], file: Path
) -> None:
    assert "No workflows." in nightshift("list").shown
    assert "look@1" in nightshift("save", "look", str(file)).shown
    assert "off" in nightshift("list").shown
    on = nightshift("enable", "look").shown
    assert "0 9 * * * (Europe/Berlin)" in on
    assert "2026-11-22 08:00" in on
    assert json.loads(nightshift("list", "--json").out)["workflows"][0]["enabled"] is True
    assert "off" in nightshift("disable", "look").shown
    assert '"catalog.get_product"' in nightshift("show", "look").shown


def test_versions_are_listed_and_compared(nightshift: Callable[..., Ended], file: Path) -> None:
    nightshift("save", "look", str(file))
    file.write_text(
        json.dumps({**WORKFLOW, "note": "by hand", "trigger": {"kind": "manual"}}), encoding="utf-8"
    )
    nightshift("save", "look", str(file))
    assert "by hand" in nightshift("versions", "look").shown
    shown = nightshift("diff", "look", "1", "2").shown
    assert '+  "note": "by hand",' in shown
    assert "Nothing changed." in nightshift("diff", "look", "2", "2").shown
    assert "look@1" in nightshift("show", "look", "--version", "1").shown


def test_it_is_run_by_hand_and_the_same_key_is_the_same_run(
    nightshift: Callable[..., Ended], file: Path
) -> None:
    nightshift("save", "look", str(file))
    asked = ("run", "look", "--key", "monday-01", "--event", "why=sale", "--json")
    first, again = (json.loads(nightshift(*asked).out) for _ in range(2))
    assert first == again
    assert first["started"] is True
    assert "began, with version 1" in nightshift("run", "look").shown
    wrong = nightshift("run", "look", "--event", "sale")
    assert (wrong.code, "--event" in wrong.err) == (2, True)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("{", "line 1, column 2"),
        ('{"plan": {"name": "look", "steps": [], "oops": 1}}', "plan: oops"),
        ('{"plan": {"name": "look"}, "trigger": {"kind": "sometimes"}}', "trigger"),
        ('{"plan": {"name": "look"}, "trigger": {"kind": "schedule", "cron": "1 2 3"}}', "trigger.cron"),
    ],
)
def test_a_file_that_cannot_be_meant_is_refused_by_its_place(
    nightshift: Callable[..., Ended], file: Path, text: str, named: str
) -> None:
    file.write_text(text, encoding="utf-8")
    ended = nightshift("save", "look", str(file))
    assert ended.code == 2
    assert named in ended.err
    assert "No workflows." in nightshift("list").shown


def test_what_is_not_there_and_who_may_not_end_in_a_sentence(
    nightshift: Callable[..., Ended], file: Path
) -> None:
    missing = nightshift("show", "nothing")
    assert (missing.code, "no workflow" in missing.err) == (2, True)
    refused = nightshift("save", "look", str(file), as_="vera")
    assert (refused.code, "plans:run" in refused.err) == (1, True)
