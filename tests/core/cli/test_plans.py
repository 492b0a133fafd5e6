"""Plans from files on the command line: refused in words, rehearsed, run, followed."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import httpx
import pytest
from rich.console import Console

from functions.api.routes import answer
from nightshift.cli.main import Outside, build, run
from nightshift.ids import RunId, StepId
from nightshift.model.case import RunOutcome
from nightshift.model.effect import StepResult
from nightshift.model.tool import Outcome
from tests.core.cli.test_commands import Ended
from tests.support.desk import ACME, KEY, SHOP, make_desk, request, token_of
from tests.support.rehearsal import Shelf

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from nightshift.api.desk import Desk
    from tests.conftest import FixedClock
    from tests.support.tables import Tables

SKU = "MUG-BLUE"


def eur(amount: int) -> dict[str, object]:
    return {"amount": amount, "currency": "EUR"}


PLAN: dict[str, object] = {
    "name": "reprice",
    "steps": [
        {"id": "product", "tool": "catalog.get_product", "channel": SHOP, "args": {"sku": SKU}},
        {
            "id": "reprice",
            "tool": "pricing.set",
            "channel": SHOP,
            "args": {"sku": SKU, "price": eur(1190), "expected_price": "${steps.product.price}"},
            "needs": ["product"],
        },
    ],
}


@pytest.fixture
def desk(tables: Tables, clock: FixedClock) -> Desk:
    shelf = Shelf()
    shelf.put(SHOP, SKU, price=1250)
    return make_desk(tables, clock, shelf=shelf)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(PLAN), encoding="utf-8")
    return path


@pytest.fixture
def looks() -> list[Callable[[], None]]:
    """What happens between two looks at a run, the next first."""
    return []


@pytest.fixture
def nightshift(
    desk: Desk,
    looks: list[Callable[[], None]],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
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

    def pause(seconds: float) -> None:
        assert seconds > 0
        looks.pop(0)()

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
            pause=pause,
        )
        code = run(build(outside), ["--api", "http://api.test", *arguments])
        printed = capsys.readouterr()
        return Ended(code, shown.getvalue(), printed.out, printed.err)

    return command


def test_a_plan_is_checked_and_its_verdict_shown(nightshift: Callable[..., Ended], file: Path) -> None:
    ended = nightshift("plan", "check", str(file))
    assert ended.code == 0
    assert "The gate would" in ended.shown
    assert "reprice" in ended.shown
    told = json.loads(nightshift("plan", "check", str(file), "--json").out)
    assert told["decision"] in {"ALLOW", "ASK"}


def test_a_plan_that_may_not_run_ends_with_a_failure_and_every_finding(
    nightshift: Callable[..., Ended], file: Path
) -> None:
    ended = nightshift("plan", "check", str(file), as_="ben")
    assert ended.code == 1
    assert "pricing:write" in ended.shown
    assert "catalog:read" not in ended.shown  # which ben's role holds


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"name": "reprice",\n "steps": [}', "line 2, column 12"),
        ('{"name": "reprice", "name": "other"}', "name: it stands twice"),
        ('{"name": "Not A Name"}', "name: "),
        ('{"name": "p", "steps": [{"id": "a", "tool": "x"}]}', "step a: tool"),
        ('{"name": "p", "steps": [{"id": "a", "tool": "a.b", "chanel": "c"}]}', "step a: chanel"),
        ("[]", "FILE: "),
    ],
)
def test_a_file_that_is_no_plan_is_refused_with_the_place_and_the_fix(
    nightshift: Callable[..., Ended], file: Path, text: str, says: str
) -> None:
    file.write_text(text, encoding="utf-8")
    for verb in ("check", "dry-run", "run"):
        ended = nightshift("plan", verb, str(file))
        assert ended.code == 2
        assert says in ended.err
        assert "plan-language" in ended.err or "Leave one" in ended.err


def test_a_file_that_is_not_there_is_named(nightshift: Callable[..., Ended]) -> None:
    ended = nightshift("plan", "check", "nowhere.json")
    assert ended.code == 2
    assert "nowhere.json" in ended.err


def test_a_dry_run_shows_before_and_after(nightshift: Callable[..., Ended], file: Path) -> None:
    ended = nightshift("plan", "dry-run", str(file))
    assert ended.code == 0
    assert "price 12.50 EUR" in ended.shown
    assert "price 11.90 EUR" in ended.shown
    assert "It passes." in ended.shown


def test_a_plan_whose_test_fails_is_not_run(nightshift: Callable[..., Ended], file: Path) -> None:
    tests = [{"name": "no cut", "that": "steps.reprice.after.price.amount >= 1250"}]
    file.write_text(json.dumps(PLAN | {"tests": tests}), encoding="utf-8")
    for verb in ("dry-run", "run"):
        ended = nightshift("plan", verb, str(file))
        assert ended.code == 1
        assert "no cut" in ended.shown
    assert "No runs." in nightshift("runs").shown


def test_a_plan_is_run_once_per_key_and_listed(nightshift: Callable[..., Ended], file: Path) -> None:
    first = json.loads(nightshift("plan", "run", str(file), "--key", "key-00001", "--json").out)
    again = json.loads(nightshift("plan", "run", str(file), "--key", "key-00001", "--json").out)
    assert first == again
    listed = nightshift("runs").shown
    assert first["run"][:12] in listed
    assert "RUNNING" in listed
    shown = nightshift("run", first["run"][4:10], "--log")
    assert "plan.proposed" in shown.shown
    assert shown.code == 0
    assert first["run"] in shown.shown


def test_a_run_is_followed_to_its_end(
    nightshift: Callable[..., Ended], desk: Desk, file: Path, looks: list[Callable[[], None]]
) -> None:
    def done(step: str) -> None:
        result = StepResult(
            run=the_run(), step=StepId(step), outcome=Outcome.DONE, settled_at=desk.clock.now()
        )
        desk.runs.keep(result)

    def the_run() -> RunId:
        lines, _ = desk.launch.listed(ACME, 1, "")
        return lines[0].run

    def ends() -> None:
        done("reprice")
        desk.runs.settle(RunOutcome(run=the_run(), status="DONE", settled_at=desk.clock.now()))

    looks += [lambda: done("product"), lambda: None, ends]
    ended = nightshift("plan", "run", str(file), "--wait")
    assert ended.code == 0
    assert ended.shown.index("product: DONE") < ended.shown.index("reprice: DONE")
    assert ended.shown.count("product: DONE") == 1
    assert looks == []


def test_a_run_that_does_not_end_well_ends_the_command_with_a_failure(
    nightshift: Callable[..., Ended], desk: Desk, file: Path
) -> None:
    run_ = json.loads(nightshift("plan", "run", str(file), "--json").out)["run"]
    desk.runs.settle(
        RunOutcome(run=run_, status="FAILED", reason="listing.refused", settled_at=desk.clock.now())
    )
    ended = nightshift("run", run_, "--follow")
    assert ended.code == 1
    assert "listing.refused" in ended.shown


def test_a_run_is_stopped_carried_on_and_ended(
    nightshift: Callable[..., Ended], desk: Desk, file: Path
) -> None:
    run_ = json.loads(nightshift("plan", "run", str(file), "--json").out)["run"]
    stopped = nightshift("run-stop", run_[:10], "--note", "wrong price list")
    assert (stopped.code, "is stopped" in stopped.shown) == (0, True)
    resumed = nightshift("run-resume", run_, "--note", "it was right")
    assert (resumed.code, "goes on" in resumed.shown) == (0, True)
    again = nightshift("run-resume", run_, "--note", "it was right")
    assert (again.code, "is not stopped" in again.err) == (1, True)
    assert nightshift("run-stop", run_, "--note", "after all").code == 0
    closed = nightshift("run-close", run_, "--note", "after all")
    assert (closed.code, "STOPPED" in closed.shown) == (0, True)
    nothing = nightshift("undo", run_, "--show")
    assert (nothing.code, "nothing to take back" in nothing.shown) == (0, True)
    assert nightshift("undo", run_).code == 0
    del desk


def test_a_run_without_a_note_is_not_stopped(nightshift: Callable[..., Ended], file: Path) -> None:
    run_ = json.loads(nightshift("plan", "run", str(file), "--json").out)["run"]
    assert nightshift("run-stop", run_).code == 2
    assert nightshift("run-stop", run_, "--note", "no", as_="vera").code == 1
