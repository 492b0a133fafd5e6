"""The decision: pure, whole, and with everything that is wrong at once."""

from collections.abc import Iterable, Iterator, Mapping

from nightshift.gate.arguments import argument_findings, taint_findings
from nightshift.gate.blast import blast_findings
from nightshift.gate.checks import plan_findings, step_findings
from nightshift.gate.conditions import condition_findings, plan_test_findings
from nightshift.gate.controls import asked_findings, control_findings, is_of_control
from nightshift.gate.effects import allowance_of, order_findings, unshowable_findings, write_findings
from nightshift.gate.facts import GateFacts
from nightshift.gate.outline import Outline
from nightshift.gate.rules import rule_findings, ruled_tiers
from nightshift.gate.schedule import moves, settle_only
from nightshift.gate.spending import spending_findings, step_tiers, worst_tier
from nightshift.gate.windows import window_findings
from nightshift.ids import StepId
from nightshift.model.plan import Proposal, Step
from nightshift.model.verdict import Decision, Finding, StepVerdict, Tier, Verdict

__all__ = ["MAX_FINDINGS", "decide"]

MAX_FINDINGS = 500  # what is found beyond is counted, so that a verdict fits its record

_SEVERITY = {Decision.ALLOW: 0, Decision.ASK: 1, Decision.REFUSE: 2}


def decide(proposal: Proposal, facts: GateFacts) -> Verdict:
    """Judge a whole plan: the same proposal and facts give the same verdict.

    One step that may not run refuses the plan, and then nothing of it runs. The findings say all
    that is wrong, and why a person is asked.
    """
    plan = proposal.plan
    digest = plan.digest()
    outline = Outline(plan=plan, tools=facts.tools)
    tiers = step_tiers(outline, facts.policy)
    findings = [*plan_findings(proposal, facts, digest), *_findings(proposal, outline, facts, tiers)]
    findings += unshowable_findings(outline, _decisions(outline, findings))
    tiers |= ruled_tiers(findings, facts.policy)
    decision = _worst(found.decision for found in findings)
    steps = tuple(_step_verdicts(outline, facts, findings, tiers=tiers, plan=decision))
    refused = decision is Decision.REFUSE
    return Verdict(
        run=proposal.run,
        tenant=proposal.tenant,
        plan_digest=digest,
        policy_version=facts.policy.version,
        decision=decision,
        tier=worst_tier(*(step.tier for step in steps)),
        findings=_bounded(findings),
        steps=steps,
        moves=settle_only() if refused else moves(outline, facts.channels, ask=decision is Decision.ASK),
        shadow=any(_in_shadow(step, outline, facts) for step in plan.steps),
        ask_seconds=facts.policy.approvals.expires_seconds,
        decided_at=facts.now,
    )


def _worst(decisions: Iterable[Decision]) -> Decision:
    return max(decisions, key=_SEVERITY.__getitem__, default=Decision.ALLOW)


def _findings(
    proposal: Proposal, outline: Outline, facts: GateFacts, tiers: dict[StepId, Tier | None]
) -> Iterator[Finding]:
    yield from outline.findings()
    for step in outline.plan.steps:
        yield from condition_findings(step, outline, facts)
        if is_of_control(step):
            yield from control_findings(step, outline)
            continue
        yield from step_findings(step, outline, facts)
        spec = outline.spec(step)
        if spec is not None:
            yield from argument_findings(step, spec, outline)
            yield from taint_findings(step, spec, outline, facts)
    yield from plan_test_findings(outline)
    yield from asked_findings(outline)
    yield from order_findings(outline)
    yield from spending_findings(outline, facts, tiers)
    yield from write_findings(outline, facts.policy)
    yield from window_findings(proposal, outline, facts)
    yield from blast_findings(proposal, outline, facts.policy)
    yield from rule_findings(proposal, outline, facts)


def _decisions(outline: Outline, findings: list[Finding]) -> dict[StepId, Decision]:
    found = dict.fromkeys(outline.steps, Decision.ALLOW)
    for finding in findings:
        if finding.step is not None:
            found[finding.step] = _worst((found[finding.step], finding.decision))
    return found


def _step_verdicts(
    outline: Outline,
    facts: GateFacts,
    findings: list[Finding],
    *,
    tiers: Mapping[StepId, Tier | None],
    plan: Decision,
) -> Iterator[StepVerdict]:
    """Of a refused plan every step is refused, so that no reader of one step can take it for allowed."""
    decisions = _decisions(outline, findings)
    rules: dict[tuple[StepId, Decision], str] = {}
    for finding in findings:
        if finding.step is not None and finding.decision is not Decision.ALLOW:
            rules.setdefault((finding.step, finding.decision), finding.rule)
    for step in outline.steps.values():
        own = decisions[step.id]
        decision = Decision.REFUSE if plan is Decision.REFUSE else own
        tier = tiers.get(step.id) or Tier.AUTO
        yield StepVerdict(
            step=step.id,
            decision=decision,
            tier=tier if own is Decision.ALLOW else worst_tier(tier, Tier.APPROVE),
            rule=rules.get((step.id, decision)) or _standing_rule(step, outline, facts, decision),
            limit=step.limit,
        )


def _standing_rule(step: Step, outline: Outline, facts: GateFacts, decision: Decision) -> str:
    """The rule that decided where no finding did: what allows the step, or the plan as a whole."""
    spec = outline.spec(step)
    if spec is None or decision is Decision.REFUSE:
        return "control" if step.is_control and decision is not Decision.REFUSE else "plan"
    if outline.reads(step):
        return "read"
    return "tier" if spec.money else f"allowance:{allowance_of(step, spec, facts.policy)}"


def _in_shadow(step: Step, outline: Outline, facts: GateFacts) -> bool:
    channel = facts.channels.get(step.channel)
    return not outline.reads(step) and channel is not None and step.tool not in channel.live_tools


def _bounded(findings: list[Finding]) -> tuple[Finding, ...]:
    """The worst first where they are too many, and a last one that says how many are left out."""
    if len(findings) <= MAX_FINDINGS:
        return tuple(findings)
    worst_first = sorted(findings, key=lambda found: -_SEVERITY[found.decision])
    problem = f"{len(findings) - MAX_FINDINGS} more findings are not listed"
    more = Finding(rule="more", problem=problem, fix="Mend these first.", decision=Decision.ASK)
    return (*worst_first[:MAX_FINDINGS], more)
