"""What one step would do: whether it runs, with which arguments, and what it changes."""

from collections.abc import Iterable, Mapping

from pydantic import JsonValue, ValidationError

from nightshift.errors import BadInput, Rejected
from nightshift.gate.named import named, uses
from nightshift.gate.references import Reference, leaves
from nightshift.ids import StepId
from nightshift.model.base import Noun
from nightshift.model.dryrun import Foreseen, Prospect
from nightshift.model.effect import StepResult
from nightshift.model.plan import Plan, Step
from nightshift.model.tool import ToolSpec
from nightshift.money import Money
from nightshift.tools.asked import arguments, contract_of
from nightshift.tools.resolve import condition, resolve

__all__ = ["Known", "args_of", "predicted", "would_run"]

_EXPECTED = "expected_"
_OFFERED = ("price", "quantity", "content")  # what writes change of what a channel offers
_COMPARED = frozenset({"price", "quantity"})  # every channel tells these as they were written


def would_run(
    plan: Plan, step: Step, foreseen: Mapping[StepId, Foreseen], results: Mapping[StepId, StepResult]
) -> tuple[Prospect, str]:
    """Whether a step would run, and why not, or why that is not known."""
    for need in step.needs:
        if foreseen[need].prospect is Prospect.SKIPPED:
            return Prospect.SKIPPED, f"it needs {need}, which is skipped"
        if foreseen[need].prospect is Prospect.WOULD_FAIL:
            return Prospect.DEPENDS, f"it needs {need}, which would fail"
    try:
        holds = condition(plan, step, results)
    except Rejected as exc:
        if _is_untold(uses(step.when or ""), results):
            return Prospect.DEPENDS, f"its condition {step.when!r} is known only when it runs"
        return Prospect.WOULD_FAIL, str(exc)
    if not holds:
        return Prospect.SKIPPED, f"its condition {step.when!r} is false"
    depends = next((need for need in step.needs if foreseen[need].prospect is Prospect.DEPENDS), None)
    return (Prospect.DEPENDS, f"it needs {depends}") if depends else (Prospect.WOULD_RUN, "")


def _is_untold(named: Iterable[Reference], results: Mapping[StepId, StepResult]) -> bool:
    """Whether values are taken of a step that gives them only when the plan runs."""
    return any(one.root == "steps" and StepId(one.name) not in results for one in named)


class Known(Noun):
    """A step's arguments as far as they are known, those that are not, and what is wrong with one."""

    args: dict[str, JsonValue]
    open: tuple[str, ...] = ()
    fault: str = ""


def args_of(plan: Plan, step: Step, results: Mapping[StepId, StepResult]) -> Known:
    """A step's arguments with everything replaced that reads have given."""
    known: dict[str, JsonValue] = {}
    unknown: list[str] = []
    fault = ""
    for name, value in step.args.items():
        try:
            known[name] = resolve(plan, step.model_copy(update={"args": {name: value}}), results)[name]
        except Rejected as exc:
            known[name] = value
            taken = (one for _, text in leaves(value, name) for one in named(text))
            if _is_untold(taken, results):
                unknown.append(name)
            else:
                fault = fault or f"{name}: {exc}"
    return Known(args=known, open=tuple(unknown), fault=fault)


def predicted(
    step: Step,
    spec: ToolSpec,
    known: Known,
    *,
    looked: Mapping[str, JsonValue],
    prospect: Prospect,
    why: str,
) -> Foreseen:
    """A write as it would be made: what it would change, and the money that it could move.

    `looked` is what the step's channel has now of the SKU that it names; `prospect` and `why` are what is
    known of its condition.
    """
    contract, args, fault = contract_of(step.tool), known.args, known.fault
    if not fault and not known.open:
        try:
            args = arguments(contract, args).model_dump(mode="json")
        except Rejected as exc:
            fault = str(exc)
    before, after = _change(args, looked)
    fault = fault or _otherwise(args, before)
    if fault and prospect is Prospect.WOULD_RUN:
        prospect, why = Prospect.WOULD_FAIL, fault
    return Foreseen(
        step=step.id,
        tool=step.tool,
        channel=step.channel,
        prospect=prospect,
        args=args,
        open=known.open,
        before=before,
        after=after,
        money=_money(step, args) if spec.money else None,
        undoable=contract.undo is not None,
        why=why,
    )


def _change(
    args: Mapping[str, JsonValue], looked: Mapping[str, JsonValue]
) -> tuple[dict[str, JsonValue], dict[str, JsonValue]]:
    """What a write finds and what it leaves: what the channel has now, else what the write expects."""
    before: dict[str, JsonValue] = {}
    after: dict[str, JsonValue] = {name: args[name] for name in _OFFERED if args.get(name) is not None}
    for name, value in args.items():
        field = name.removeprefix(_EXPECTED)
        if field == name or value is None:
            continue
        before[field] = value
        left = args.get(field, _added(value, args.get("amount")))
        if left is not None:
            after[field] = left
    before |= {name: value for name, value in looked.items() if name in _OFFERED and name in args}
    return before, after


def _otherwise(args: Mapping[str, JsonValue], before: Mapping[str, JsonValue]) -> str:
    """Which expectation of a write does not hold now: it would be refused."""
    for field, found in before.items():
        expected = args.get(f"{_EXPECTED}{field}")
        if field in _COMPARED and expected is not None and found is not None and expected != found:
            return f"the {field} is not what {_EXPECTED}{field} says: it would be refused"
    return ""


def _added(value: JsonValue, amount: JsonValue) -> JsonValue:
    """What had been given back, and what is given back now on top."""
    try:
        both = Money.model_validate(value) + Money.model_validate(amount)
    except (ValidationError, ValueError, TypeError, BadInput):
        return None
    return both.model_dump(mode="json")


def _money(step: Step, args: Mapping[str, JsonValue]) -> Money | None:
    try:
        return Money.model_validate(args.get("amount"))
    except ValidationError:
        return step.limit
