"""Checks playbooks, specialists and intents, and writes them as the files that ship in the layer.

    python -m build.playbooks           # write
    python -m build.playbooks --check   # only say whether the written files are up to date

Every playbook file holds its own tests: facts laid over `playbooks/facts.toml`, and the move and parts of
the plan that must come out.
"""

import json
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

from pydantic import Field, JsonValue

from nightshift.context.intents import IntentRules
from nightshift.errors import BadInput
from nightshift.expressions import Facts
from nightshift.model.base import Noun
from nightshift.model.plan import HandOff
from nightshift.planner.choose import next_move
from nightshift.planner.facts import FactValues
from nightshift.planner.fill import fill
from nightshift.planner.playbook import Library, Playbook, Specialist

ROOT = Path(__file__).parents[1]
CORE = ROOT / "layers/core/python/nightshift"
FACTS = "facts.toml"
INTENTS = "intents.toml"
_ABSENT = object()


class Expectation(Noun):
    """A test inside a playbook: with these facts over the common ones, this move and these values.

    `steps` are the ids of the plan's steps; `plan` maps paths into the plan
    (`steps.refund.limit.amount`) to what must stand there. The move `hand_over` is a person's.
    """

    name: str = Field(min_length=1)
    facts: dict[str, JsonValue] = Field(default_factory=dict)
    move: str
    steps: tuple[str, ...] | None = None
    plan: dict[str, JsonValue] = Field(default_factory=dict)


class PlaybookFile(Playbook):
    """A playbook as it is written: with at least one test."""

    tests: tuple[Expectation, ...] = Field(min_length=1, alias="test")


def _toml(file: Path) -> dict[str, JsonValue]:
    return tomllib.loads(file.read_text(encoding="utf-8"))


def playbook_files(root: Path = ROOT) -> dict[str, PlaybookFile]:
    """Every playbook by the name of its file."""
    files = sorted(f for f in (root / "playbooks").glob("*.toml") if f.name not in {FACTS, INTENTS})
    return {file.name: PlaybookFile.model_validate(_toml(file)) for file in files}


def common_facts(root: Path = ROOT) -> FactValues:
    """The facts every test starts from."""
    return _toml(root / "playbooks" / FACTS)


def lay_over(base: FactValues, given: FactValues) -> FactValues:
    """Facts with others laid over them; `false` in place of a table is null.

    Raises:
        KeyError: a given fact is none that playbooks see.
    """
    merged = dict(base)
    for name, value in given.items():
        below = merged[name]
        if isinstance(below, dict):
            merged[name] = lay_over(below, value) if isinstance(value, dict) else None
        else:
            merged[name] = value
    return merged


def _at(plan: JsonValue, path: str) -> JsonValue | object:
    here: JsonValue = plan
    for part in path.split("."):
        if isinstance(here, list):
            here = next((s for s in here if isinstance(s, dict) and s.get("id") == part), None)
        elif isinstance(here, dict):
            here = here.get(part)
        if here is None:
            return _ABSENT
    return here


def _plan_of(playbook: Playbook, facts: FactValues) -> tuple[str, dict[str, JsonValue]]:
    move = next_move(playbook, facts)
    if isinstance(move, HandOff):
        return "hand_over", {"steps": [], "after": move.model_dump(mode="json")}
    return move.name, fill(playbook.id, move, Facts(facts)).model_dump(mode="json")


def faults(playbook: PlaybookFile, test: Expectation, base: FactValues) -> Iterator[str]:
    """What does not come out as a test of a playbook says."""
    try:
        move, plan = _plan_of(playbook, lay_over(base, test.facts))
    except (BadInput, KeyError) as exc:
        yield f"{type(exc).__name__}: {exc}"
        return
    if move != test.move:
        yield f"the move is {move}, not {test.move}"
    steps = plan["steps"]
    ids = tuple(str(s["id"]) for s in steps if isinstance(s, dict)) if isinstance(steps, list) else ()
    if test.steps is not None and ids != test.steps:
        yield f"the steps are {ids}, not {test.steps}"
    for path, wanted in test.plan.items():
        found = _at(plan, path)
        if found != wanted:
            yield f"{path} is {'absent' if found is _ABSENT else found!r}, not {wanted!r}"


def library(root: Path = ROOT) -> Library:
    """All playbooks (without their tests) and specialists."""
    fields = set(Playbook.model_fields)
    playbooks = [
        Playbook.model_validate(file.model_dump(include=fields, by_alias=True, exclude_unset=True))
        for file in playbook_files(root).values()
    ]
    files = sorted((root / "specialists").glob("*.toml"))
    specialists = [Specialist.model_validate(_toml(file)) for file in files]
    return Library(playbooks=tuple(playbooks), specialists=tuple(specialists))


def _text(noun: Noun) -> str:
    plain = noun.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return json.dumps(plain, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def bundles(root: Path = ROOT) -> dict[Path, str]:
    """The files to ship, with what must stand in them."""
    intents = IntentRules.model_validate(_toml(root / "playbooks" / INTENTS))
    return {
        CORE / "planner/playbooks.json": _text(library(root)),
        CORE / "context/intents.json": _text(intents),
    }


def main(arguments: list[str]) -> int:
    """Write the bundles, or with `--check` say which are out of date."""
    base = common_facts()
    wrong = [
        f"playbooks/{name}: {test.name}: {fault}"
        for name, playbook in playbook_files().items()
        for test in playbook.tests
        for fault in faults(playbook, test, base)
    ]
    for file, text in bundles().items():
        if "--check" not in arguments and not wrong:
            file.write_text(text, encoding="utf-8")
        elif not file.exists() or file.read_text(encoding="utf-8") != text:
            wrong.append(f"{file.relative_to(ROOT)} is out of date: run python -m build.playbooks")
    sys.stderr.writelines(f"{line}\n" for line in wrong)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
