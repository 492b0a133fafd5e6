"""Money: every step that moves some carries a literal limit, and the limit decides who has to agree."""

from collections import defaultdict
from collections.abc import Iterator

from pydantic import JsonValue

from nightshift.gate.facts import GateFacts
from nightshift.gate.outline import Outline
from nightshift.ids import StepId
from nightshift.model.plan import Step
from nightshift.model.policy import Policy
from nightshift.model.verdict import Decision, Finding, Tier
from nightshift.money import Money

__all__ = ["limit_findings", "money_steps", "spending_findings", "step_tiers", "tier_of", "worst_tier"]

_SEVERITY = {Tier.AUTO: 0, Tier.APPROVE: 1, Tier.TWO_FACTOR: 2}


def worst_tier(*tiers: Tier) -> Tier:
    """The tier that asks the most of people."""
    return max(tiers, key=_SEVERITY.__getitem__, default=Tier.AUTO)


def tier_of(policy: Policy, tool: str, amount: Money) -> Tier | None:
    """The tier that an amount of one tool falls into; None: no rule speaks of it."""
    for rule in policy.tiers:
        speaks_of_it = rule.tool == tool and rule.currency == amount.currency
        if speaks_of_it and (rule.up_to is None or amount.amount <= rule.up_to):
            return rule.tier
    return None


def money_steps(outline: Outline) -> tuple[Step, ...]:
    """The steps whose tools move money."""
    return tuple(s for s in outline.plan.steps if (spec := outline.spec(s)) is not None and spec.money)


def limit_findings(step: Step) -> Iterator[Finding]:
    """Whether a money step's limit is there and bounds its literal amount."""
    limit = step.limit
    if limit is None:
        problem = f"{step.tool} moves money and the step has no limit"
        fix = "Give the most it may move, as amount in minor units and currency."
        yield Finding(rule="limit", step=step.id, field="limit", problem=problem, fix=fix)
        return
    if limit.amount < 0:
        problem, fix = "the limit is below zero", "Give the most the step may move."
        yield Finding(rule="limit", step=step.id, field="limit.amount", problem=problem, fix=fix)
    amount, currency = _literal(step.args.get("amount"))
    if currency is not None and currency != limit.currency:
        problem = f"the amount is not in {limit.currency}, the currency of the limit"
        fix = "Give both in the currency of the payment."
        yield Finding(rule="limit", step=step.id, field="limit.currency", problem=problem, fix=fix)
    elif amount is not None and amount > limit.amount:
        problem, fix = f"the amount is above the limit of {limit}", "Raise the limit or lower the amount."
        yield Finding(rule="limit", step=step.id, field="limit.amount", problem=problem, fix=fix)


def _literal(value: JsonValue) -> tuple[int | None, str | None]:
    """Amount and currency of a literal Money; None for what is a reference or no Money."""
    if not isinstance(value, dict):
        return None, None
    amount, currency = value.get("amount"), value.get("currency")
    whole = amount if isinstance(amount, int) and not isinstance(amount, bool) else None
    code = currency if isinstance(currency, str) and "${" not in currency else None
    return whole, code


def step_tiers(outline: Outline, policy: Policy) -> dict[StepId, Tier | None]:
    """The tier of every step with a limit: the worse of its own and of the plan's sum for the tool.

    The sum counts, so that a payment split in parts is judged as one.
    """
    limited = [(step, step.limit) for step in money_steps(outline) if step.limit is not None]
    sums: defaultdict[tuple[str, str], int] = defaultdict(int)
    for step, limit in limited:
        sums[step.tool, limit.currency] += limit.amount
    tiers: dict[StepId, Tier | None] = {}
    for step, limit in limited:
        own = tier_of(policy, step.tool, limit)
        total = Money(amount=sums[step.tool, limit.currency], currency=limit.currency)
        together = tier_of(policy, step.tool, total)
        tiers[step.id] = None if own is None or together is None else worst_tier(own, together)
    return tiers


def spending_findings(
    outline: Outline, facts: GateFacts, tiers: dict[StepId, Tier | None]
) -> Iterator[Finding]:
    """What policy says of every money step: refused without a rule, asked above the automatic tier."""
    for step in money_steps(outline):
        yield from limit_findings(step)
        if step.limit is not None:
            yield from _tier_findings(step, step.limit, tiers[step.id], facts)
    yield from _currency_findings(outline)


def _tier_findings(step: Step, limit: Money, tier: Tier | None, facts: GateFacts) -> Iterator[Finding]:
    what = f"{step.tool} up to {limit}, with what else this plan moves that way,"
    match tier:
        case None:
            known = sorted({r.currency for r in facts.policy.tiers if r.tool == step.tool})
            problem = f"no rule of the policy speaks of {what} so it is refused"
            fix = f"Stay within the tiers in {', '.join(known)}." if known else "Have an admin add a tier."
            yield Finding(rule="no-rule", step=step.id, field="limit", problem=problem, fix=fix)
        case Tier.APPROVE:
            yield _asks(step, "tier", f"{what} needs approval", "A person has to approve it.")
        case Tier.TWO_FACTOR if facts.two_factor:
            yield _asks(step, "tier", f"{what} needs two factors", "A person has to approve it with a code.")
        case Tier.TWO_FACTOR:
            problem = f"{what} needs two factors, which are not available"
            fix = "A person has to take over the case and do this."
            yield Finding(rule="two-factor", step=step.id, field="limit", problem=problem, fix=fix)
        case Tier.AUTO:
            return


def _currency_findings(outline: Outline) -> Iterator[Finding]:
    """Sums over currencies cannot be judged without dated rates, so a person looks."""
    limited = [(step, step.limit) for step in money_steps(outline) if step.limit is not None]
    currencies: defaultdict[str, set[str]] = defaultdict(set)
    for step, limit in limited:
        currencies[step.tool].add(limit.currency)
    for step, _ in limited:
        found = currencies[step.tool]
        if len(found) > 1:
            problem = (
                f"the plan moves {' and '.join(sorted(found))} with {step.tool}; there are no rates to sum"
            )
            yield _asks(
                step, "currency", problem, "A person has to approve it, or plan one currency at a time."
            )


def _asks(step: Step, rule: str, problem: str, fix: str) -> Finding:
    return Finding(rule=rule, step=step.id, field="limit", problem=problem, fix=fix, decision=Decision.ASK)
