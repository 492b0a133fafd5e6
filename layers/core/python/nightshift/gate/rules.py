"""Rules of a tenant: CEL over one step at a time. What cannot be judged is taken to hold.

An expression sees, of the step, `tool`, `channel`, `effect` (READ, WRITE, IDEMPOTENT_WRITE, DESTRUCTIVE),
`args` (what the plan writes out; what only a run can tell is absent) and `limit` ({amount, currency}, or
null); of the plan, `plan` {name, steps, writes, workflow, proposed_by}, `requester` {id, role, kind} and
`customer` (empty: unknown); and `now` in the tenant's time zone: {date, hour, minute, weekday (Monday is
1)}. There is no clock, no record and no other step in it.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from pydantic import JsonValue

from nightshift.errors import BadInput
from nightshift.expressions import Facts, check
from nightshift.gate.facts import GateFacts
from nightshift.gate.outline import Outline
from nightshift.gate.written import written_out
from nightshift.ids import StepId
from nightshift.model.plan import Proposal, Step
from nightshift.model.policy import BlastRadius, Policy, Rule
from nightshift.model.verdict import Decision, Finding, Tier

__all__ = ["FIELDS", "NAMES", "check_rules", "rule_findings", "ruled_tiers"]

_RULE: Final = "rule:"

FIELDS: Final[Mapping[str, frozenset[str]]] = {
    "limit": frozenset({"amount", "currency"}),
    "now": frozenset({"date", "hour", "minute", "weekday"}),
    "plan": frozenset({"name", "proposed_by", "steps", "workflow", "writes"}),
    "requester": frozenset({"id", "kind", "role"}),
}
NAMES: Final = frozenset({"args", "channel", "customer", "effect", "tool", *FIELDS})
"""What a condition sees, and the fields of what has any."""

_QUOTED = re.compile(r"'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"")
_MEMBER = re.compile(r"(?<![\w.])(" + "|".join(sorted(FIELDS)) + r")\s*\.\s*([A-Za-z_]\w*)")
_LOCAL = re.compile(r"\.\s*(?:map|filter|all|exists|exists_one)\s*\(\s*([A-Za-z_]\w*)\s*,")

_EXAMPLE: Final[dict[str, JsonValue]] = {
    "tool": "pricing.set",
    "channel": "shop",
    "effect": "IDEMPOTENT_WRITE",
    "args": {},
    "limit": {"amount": 100, "currency": "EUR"},
    "requester": {"id": "ana", "kind": "person", "role": "manager"},
    "customer": "",
    "now": {"date": "2026-11-21", "hour": 9, "minute": 0, "weekday": 6},
    "plan": {"name": "reprice", "proposed_by": "person:ana", "steps": 1, "workflow": "", "writes": 1},
}


def check_rules(policy: Policy) -> None:
    """Refuse a policy with a rule that could never be judged, before it is stored.

    Raises:
        BadInput: `rules.<number>.when` cannot be read, names what is not there, or gives no truth;
            or two rules, or two blast radii, have one name.
    """
    _once(policy.rules, "rules")
    _once(policy.blast_radius, "blast_radius")
    for number, rule in enumerate(policy.rules):
        if rule.when is not None:
            _check(rule.when, f"rules.{number}.when")


def _once(named: Sequence[Rule | BlastRadius], field: str) -> None:
    seen: set[str] = set()
    for number, each in enumerate(named):
        if each.name in seen:
            problem = f"two are called {each.name}"
            raise BadInput(f"{field}.{number}.name", problem, "Give each its own name.")
        seen.add(each.name)


def _check(when: str, field: str) -> None:
    try:
        names = check(when)
    except BadInput as exc:
        raise BadInput(field, exc.problem, exc.fix) from exc
    bare = _QUOTED.sub("''", when)
    unknown = sorted(names - NAMES - set(_LOCAL.findall(bare)))
    if unknown:
        fix = f"Use {', '.join(sorted(NAMES))}."
        raise BadInput(field, f"a rule does not know {', '.join(unknown)}", fix)
    for root, member in _MEMBER.findall(bare):
        if member not in FIELDS[root]:
            fix = f"It has {', '.join(sorted(FIELDS[root]))}."
            raise BadInput(field, f"{root} has no {member}", fix)
    _try(when, names, field)


def _try(when: str, names: frozenset[str], field: str) -> None:
    try:
        value = Facts(_EXAMPLE).evaluate(when)
    except BadInput as exc:
        if "args" in names:  # which arguments there are depends on the step
            return
        raise BadInput(field, exc.problem, exc.fix) from exc
    if not isinstance(value, bool):
        raise BadInput(field, f"{when!r} is neither true nor false", "Write a comparison.")


def rule_findings(proposal: Proposal, outline: Outline, facts: GateFacts) -> Iterator[Finding]:
    """What the tenant's rules say of every step; nobody can be asked about a read, which runs before."""
    if not facts.policy.rules:
        return
    common = _common(proposal, outline, facts)
    for step in outline.steps.values():
        if step.is_control:
            continue
        reads = outline.reads(step)
        rules = [
            rule
            for rule in facts.policy.rules
            if (not rule.tools or step.tool in rule.tools) and (rule.then is Decision.REFUSE or not reads)
        ]
        if rules:
            yield from _of_step(step, rules, _View(proposal, outline, common), two_factor=facts.two_factor)


class _View(NamedTuple):
    """What expressions see beside the step."""

    proposal: Proposal
    outline: Outline
    common: Mapping[str, JsonValue]

    def of(self, step: Step) -> Facts:
        """What expressions see of a step.

        Raises:
            BadInput: there is too much of it, or a number that CEL has not.
        """
        spec = self.outline.spec(step)
        limit: JsonValue = None
        if step.limit is not None:
            limit = {"amount": step.limit.amount, "currency": step.limit.currency}
        return Facts(
            {
                **self.common,
                "tool": step.tool,
                "channel": step.channel,
                "effect": spec.effect.value if spec is not None else "",
                "args": written_out(step.args, self.proposal.plan.inputs),
                "limit": limit,
            }
        )


def _common(proposal: Proposal, outline: Outline, facts: GateFacts) -> dict[str, JsonValue]:
    here = facts.now.astimezone(ZoneInfo(facts.policy.timezone))
    requester, steps = proposal.requester, outline.steps.values()
    return {
        "requester": {"id": requester.id, "role": requester.role, "kind": requester.kind},
        "customer": proposal.customer or "",
        "now": {
            "date": here.date().isoformat(),
            "hour": here.hour,
            "minute": here.minute,
            "weekday": here.isoweekday(),
        },
        "plan": {
            "name": proposal.plan.name,
            "steps": len(steps),
            "writes": sum(1 for step in steps if not step.is_control and not outline.reads(step)),
            "workflow": proposal.workflow,
            "proposed_by": proposal.proposed_by,
        },
    }


def _of_step(step: Step, rules: list[Rule], view: _View, *, two_factor: bool) -> Iterator[Finding]:
    seen: Facts | None = None
    if any(rule.when is not None for rule in rules):
        with suppress(BadInput):  # without facts nothing can be judged, so that every rule holds
            seen = view.of(step)
    for rule in rules:
        why = _why(rule, seen)
        if why is not None:
            yield _finding(rule, step, why, two_factor=two_factor)


def _why(rule: Rule, seen: Facts | None) -> str | None:
    """Why a rule holds for a step; None: it does not. Quotes nothing of the plan."""
    if rule.when is None:
        return rule.reason
    if seen is not None:
        try:
            return rule.reason if seen.holds(rule.when) else None
        except BadInput:
            seen = None
    return f"{rule.reason} ({rule.name} cannot be judged for this step, so it is taken to hold)"


def _finding(rule: Rule, step: Step, why: str, *, two_factor: bool) -> Finding:
    decision, fix = Decision.ASK, "A person has to approve it."
    if rule.then is Decision.REFUSE:
        decision, fix = Decision.REFUSE, "Plan it so that the rule does not hold, or have an admin change it."
    elif rule.then is Tier.TWO_FACTOR and two_factor:
        fix = "A person has to approve it with a code."
    elif rule.then is Tier.TWO_FACTOR:
        why = f"{why}; it needs two factors, which are not available"
        decision, fix = Decision.REFUSE, "A person has to do this by hand."
    return Finding(rule=f"{_RULE}{rule.name}", step=step.id, problem=why, fix=fix, decision=decision)


def ruled_tiers(findings: list[Finding], policy: Policy) -> dict[StepId, Tier]:
    """The steps for which a rule asks for a second factor."""
    strict = {f"{_RULE}{rule.name}" for rule in policy.rules if rule.then is Tier.TWO_FACTOR}
    return {
        found.step: Tier.TWO_FACTOR for found in findings if found.step is not None and found.rule in strict
    }
