"""Cumulative windows, budgets: what a plan adds to what a customer, a specialist or the store used before."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import NamedTuple

from nightshift.gate.facts import GateFacts
from nightshift.gate.outline import Outline
from nightshift.gate.totals import reaches
from nightshift.model.plan import Proposal, Step
from nightshift.model.policy import Policy, Window
from nightshift.model.tool import EffectClass, ToolSpec
from nightshift.model.verdict import Decision, Finding, Verdict
from nightshift.money import Money
from nightshift.ports.windows import EVERY_WRITE, Reservation, WindowCounter, WindowKey, WindowUse

__all__ = ["reservations", "window_findings", "window_keys"]

# A run lives at most 30 days; a reservation older than that was lost with its run.
_RESERVED = timedelta(days=31)
_CLOCKS_DIFFER = timedelta(days=1)

_WHOSE = {
    "customer": "the customer",
    "tenant": "the store",
    "specialist": "the specialist",
    "workflow": "the workflow",
}


def window_keys(
    proposal: Proposal, policy: Policy, *, tools: Mapping[str, ToolSpec]
) -> tuple[WindowKey, ...]:
    """The counters that the policy's windows look at for this plan; none for an unknown customer."""
    found: dict[WindowKey, None] = {}
    for window in policy.windows:
        key = _key(window, proposal)
        if key is not None and any(_counts(window.tool, step, tools) for step in proposal.plan.steps):
            found[key] = None
    return tuple(found)


def _counts(tool: str, step: Step, tools: Mapping[str, ToolSpec]) -> bool:
    """Whether a window over this tool counts a step; a tool that is unknown may change anything."""
    if tool != EVERY_WRITE:
        return step.tool == tool
    spec = tools.get(step.tool)
    return not step.is_control and (spec is None or spec.effect is not EffectClass.READ)


def _key(window: Window, proposal: Proposal) -> WindowKey | None:
    """The counter of whoever a window is per; None: the plan has no such one."""
    whole = WindowKey(tenant=proposal.tenant, customer=None, tool=window.tool)
    if window.per == "tenant":
        return whole
    by_specialist = proposal.requester.kind == "specialist"
    owner = {
        "customer": proposal.customer,
        "specialist": proposal.requester.id if by_specialist else None,
        "workflow": proposal.workflow.partition("@")[0],
    }[window.per]
    return whole.model_copy(update={window.per: owner}) if owner else None


def window_findings(proposal: Proposal, outline: Outline, facts: GateFacts) -> Iterator[Finding]:
    """Every window that this plan would exceed, or that cannot be judged, once per step it concerns."""
    counters = {counter.key: counter for counter in facts.counters}
    for window in facts.policy.windows:
        steps = [step for step in outline.plan.steps if _counts(window.tool, step, outline.tools)]
        key = _key(window, proposal)
        if not steps:
            continue
        if key is not None:
            used = _counted(counters[key], window, proposal, facts)
            for problem in _exceeded(window, used, steps):
                yield from _findings(steps, window, problem, window.then)
        elif window.per == "customer":
            problem = "the customer is not known, so earlier uses cannot be counted"
            yield from _findings(steps, window, problem, Decision.ASK)
    yield from _currency_findings(proposal, outline, facts)


def _findings(steps: list[Step], window: Window, problem: str, decision: Decision) -> Iterator[Finding]:
    asks = decision is Decision.ASK
    fix = "A person has to approve it." if asks else "Wait until earlier uses have left the window."
    for step in steps:
        yield Finding(
            rule=f"window:{window.name}", step=step.id, field="", problem=problem, fix=fix, decision=decision
        )


class _Used(NamedTuple):
    times: int
    amount: int  # minor units, in the window's currency


def _counted(counter: WindowCounter, window: Window, proposal: Proposal, facts: GateFacts) -> _Used:
    """What lies inside a window, but for this run's own of an earlier try."""
    since = facts.day_began if window.days == 1 else facts.now - timedelta(days=window.days)
    lost = facts.now - _RESERVED
    uses = [
        use
        for use in counter.uses
        if use.run != proposal.run and (use.at >= since if use.state == "done" else use.at >= lost)
    ]
    totals = [total for total in counter.totals if reaches(total, since)]
    currency = window.amount.currency if window.amount is not None else None
    return _Used(
        times=len(uses) + sum(total.count for total in totals),
        amount=sum(u.amount.amount for u in uses if u.amount is not None and u.amount.currency == currency)
        + sum(total.moved.get(currency, 0) for total in totals if currency is not None),
    )


def _exceeded(window: Window, used: _Used, steps: list[Step]) -> Iterator[str]:
    whose = _WHOSE[window.per]
    what = "writes" if window.tool == EVERY_WRITE else window.tool
    span = "today" if window.days == 1 else f"within {window.days} days"
    count = used.times + len(steps)
    if window.count is not None and count > window.count:
        yield (
            f"{whose} would have {count} of {what} {span}; more than {window.count} is beyond {window.name}"
        )
    if window.amount is not None:
        currency = window.amount.currency
        limits = [step.limit for step in steps if step.limit is not None and step.limit.currency == currency]
        total = Money(amount=used.amount + sum(limit.amount for limit in limits), currency=currency)
        if window.amount < total:
            yield f"{whose} would come to {total} of {what} {span}; allowed are {window.amount}"


def _currency_findings(proposal: Proposal, outline: Outline, facts: GateFacts) -> Iterator[Finding]:
    """Money in a currency that no window of its kind is written in; there are no dated rates yet."""
    bounded: dict[tuple[str, str], set[str]] = {}
    for window in facts.policy.windows:
        speaks_of_it = window.per == "customer" or _key(window, proposal) is not None
        if window.amount is not None and speaks_of_it:
            bounded.setdefault((window.tool, window.per), set()).add(window.amount.currency)
    for (tool, per), currencies in bounded.items():
        for step in outline.plan.steps:
            if step.limit is None or step.limit.currency in currencies:
                continue
            if not _counts(tool, step, outline.tools):
                continue
            yield Finding(
                rule="currency",
                step=step.id,
                field="limit.currency",
                problem=f"the windows per {per} are in {', '.join(sorted(currencies))}; there are no rates",
                fix="A person has to approve it.",
                decision=Decision.ASK,
            )


def reservations(proposal: Proposal, verdict: Verdict, *, facts: GateFacts) -> tuple[Reservation, ...]:
    """The worst case of an allowed plan, for every counter that its policy looks at."""
    days: dict[WindowKey, int] = {}
    for window in facts.policy.windows:
        key = _key(window, proposal)
        if key is not None:
            days[key] = max(days.get(key, 0), window.days)
    limits = {found.step: found.limit for found in verdict.steps}
    return tuple(
        Reservation(
            counter=counter,
            uses=tuple(
                WindowUse(
                    run=proposal.run, step=step.id, amount=limits.get(step.id), at=facts.now, state="reserved"
                )
                for step in proposal.plan.steps
                if _counts(counter.key.tool, step, facts.tools)
            ),
            keep_from=facts.now - max(timedelta(days=days[counter.key]) + _CLOCKS_DIFFER, _RESERVED),
        )
        for counter in facts.counters
    )
