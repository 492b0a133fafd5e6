"""Blast radius: how many writes, products, customers and how much money one plan touches at most."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from pydantic import JsonValue

from nightshift.gate.outline import Outline
from nightshift.gate.spending import money_steps
from nightshift.gate.written import named
from nightshift.model.plan import Proposal, Step
from nightshift.model.policy import BlastRadius, Policy
from nightshift.model.verdict import Decision, Finding
from nightshift.money import Money

__all__ = ["blast_findings"]

_PRODUCTS = frozenset({"sku", "skus"})
# Each names one customer. Of a case's plan, the first of each kind is taken for the case's own customer.
_WORDS = "fields"  # of a template: what it says, not whom it is sent to
_PEOPLE = tuple(frozenset({kind, f"{kind}s"}) for kind in ("customer", "order", "conversation", "invoice"))

_Named = dict[str, set[str]]  # per step: what it names


def blast_findings(proposal: Proposal, outline: Outline, policy: Policy) -> Iterator[Finding]:
    """Every bound that the plan is beyond, once per write it concerns."""
    if not policy.blast_radius:
        return
    writes = [step for step in outline.steps.values() if not step.is_control and not outline.reads(step)]
    products = _products(writes, proposal)
    customers, concerned = _customers(writes, proposal)
    for radius in policy.blast_radius:
        if radius.writes is not None and len(writes) > radius.writes:
            yield from _findings(radius, writes, f"{len(writes)} writes", str(radius.writes))
        number = len(set().union(*products.values()))
        if radius.skus is not None and number > radius.skus:
            naming = [step for step in writes if products[step.id]]
            yield from _findings(radius, naming, f"{number} products", str(radius.skus))
        if radius.customers is not None and customers > radius.customers:
            yield from _findings(radius, concerned, f"{customers} customers", str(radius.customers))
        if radius.money is not None:
            yield from _money_findings(radius, radius.money, outline)
    yield from _currency_findings(outline, policy)


def _products(writes: Sequence[Step], proposal: Proposal) -> _Named:
    inputs = proposal.plan.inputs
    return {step.id: set(named(_reaching(step), _PRODUCTS, inputs)) for step in writes}


def _reaching(step: Step) -> dict[str, JsonValue]:
    return {name: value for name, value in step.args.items() if name != _WORDS}


def _customers(writes: Sequence[Step], proposal: Proposal) -> tuple[int, list[Step]]:
    """How many customers the writes may concern at most, and which writes name any."""
    inputs, in_a_case = proposal.plan.inputs, proposal.case is not None
    concerned: dict[str, Step] = {}
    others = 0
    for names in _PEOPLE:
        found: set[tuple[str, str]] = set()
        for step in writes:
            here = {(step.channel, text) for text in named(_reaching(step), names, inputs)}
            concerned |= {step.id: step} if here else {}
            found |= here
        others += max(len(found) - 1, 0) if in_a_case else len(found)
    return others + (in_a_case and bool(concerned)), list(concerned.values())


def _money_findings(radius: BlastRadius, most: Money, outline: Outline) -> Iterator[Finding]:
    limited = [(step, step.limit) for step in money_steps(outline) if step.limit is not None]
    mine = [(step, limit) for step, limit in limited if limit.currency == most.currency]
    total = Money(amount=sum(max(limit.amount, 0) for _, limit in mine), currency=most.currency)
    if most < total:
        yield from _findings(radius, [step for step, _ in mine], str(total), str(most))


def _findings(radius: BlastRadius, steps: Sequence[Step], reach: str, most: str) -> Iterator[Finding]:
    asks = radius.then is Decision.ASK
    fix = "A person has to approve it." if asks else "Plan less at once."
    for step in steps:
        yield Finding(
            rule=f"blast-radius:{radius.name}",
            step=step.id,
            field="",
            problem=f"this plan may reach {reach}; more than {most} is beyond {radius.name}",
            fix=fix,
            decision=radius.then,
        )


def _currency_findings(outline: Outline, policy: Policy) -> Iterator[Finding]:
    """Money in a currency that no blast radius is written in, where some bound money."""
    bounded = {radius.money.currency for radius in policy.blast_radius if radius.money is not None}
    unbounded: defaultdict[str, list[Step]] = defaultdict(list)
    for step in money_steps(outline) if bounded else ():
        if step.limit is not None and step.limit.currency not in bounded:
            unbounded[step.limit.currency].append(step)
    for currency, steps in unbounded.items():
        for step in steps:
            yield Finding(
                rule="currency",
                step=step.id,
                field="limit.currency",
                problem=f"no blast radius bounds {currency}, only {', '.join(sorted(bounded))}",
                fix="A person has to approve it.",
                decision=Decision.ASK,
            )
