"""A deploy with a changed case machine while cases sleep: each follows the new one when it wakes."""

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

from demo.assembly import assembly
from drills.act import Act
from drills.crowd import Wish
from drills.floor import CaseLook
from nightshift.ids import CaseId, execution_name

__all__ = ["changed_assembly", "roll_over"]

_DIGITS = 16
_PATIENCE = 240.0


def roll_over(act: Act, cases: int) -> None:
    """Let cases fall asleep, deploy, wake them: their executions roll over to the new definition."""
    floor, crowd = act.floor, act.crowd
    crowd.asleep_for_good = True
    act.send(cases, wishes=(Wish.PHOTO,))
    act.until_sent()
    act.until("all to sleep", lambda: not list(crowd.at_work()), patience=_PATIENCE)
    asleep = {look.id: look.generation for look in _of(act)}
    act.say(f"{len(asleep)} cases asleep")
    release = f"Release{next(floor.releases)}"
    folder = changed_assembly(assembly(), floor.shop.stack.state / release, new_state=release)
    floor.until_up(lambda: floor.shop.stack.deploy(folder), "the deploy")
    act.say(f"deployed a case machine that begins with the state {release}")
    crowd.asleep_for_good = False
    act.until_over(_PATIENCE)
    awake = [look for look in _of(act) if look.id in asleep]
    moved = [look for look in awake if look.generation > asleep[look.id]]
    act.check(f"{len(moved)} of {len(awake)} rolled over when they woke", holds=len(moved) == len(awake))
    if act.hurry:
        return  # under kills: what an execution did goes with the server
    new = sum(_entered(act, look.id, look.generation, release) for look in awake)
    act.check(f"{new} of {len(awake)} ended in the new definition", holds=new == len(awake))


def _of(act: Act) -> list[CaseLook]:
    cases = act.floor.cases()
    return [look for errand in act.crowd.errands for look in act.crowd.cases_of(errand, cases)]


def changed_assembly(source: Path, target: Path, *, new_state: str) -> Path:
    """A copy of an assembly whose case machine begins with one more state, as a later release's might."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target, copy_function=os.link)
    for template in target.glob("*.template.json"):
        stack = json.loads(template.read_text(encoding="utf-8"))
        machines = [r["Properties"] for r in stack["Resources"].values() if _is_case_machine(r)]
        if not machines:
            continue
        text, digests = template.read_text(encoding="utf-8"), []
        for properties in machines:
            changed = _with_new_state(properties["DefinitionString"], new_state)
            digests.append((properties["DefinitionSubstitutions"]["Definition"], changed))
            text = text.replace(json.dumps(properties["DefinitionString"]), json.dumps(changed))
        for old, changed in digests:
            text = text.replace(old, hashlib.sha256(changed.encode()).hexdigest()[:_DIGITS])
        template.unlink()  # its other name is the source's
        template.write_text(text, encoding="utf-8")
    return target


def _is_case_machine(resource: dict[str, Any]) -> bool:
    substitutions = resource.get("Properties", {}).get("DefinitionSubstitutions", {})
    return resource["Type"] == "AWS::StepFunctions::StateMachine" and "Definition" in substitutions


def _with_new_state(text: str, name: str) -> str:
    definition = json.loads(text)
    first = definition["StartAt"]
    definition["States"] = {name: {"Type": "Pass", "Next": first}, **definition["States"]}
    return json.dumps({**definition, "StartAt": name})


def _entered(act: Act, case: CaseId, generation: int, state: str) -> bool:
    machine = act.floor.machine("case").replace(":stateMachine:", ":execution:")
    history = act.floor.aws("stepfunctions").get_execution_history(
        executionArn=f"{machine}:{execution_name(case, generation)}", maxResults=5
    )
    return any(e.get("stateEnteredEventDetails", {}).get("name") == state for e in history["events"])
