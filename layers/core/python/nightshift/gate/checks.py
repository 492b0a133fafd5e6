"""Who asks, for whom, over what: standing of the plan, tools, channels, permissions."""

import math
from collections.abc import Iterator
from datetime import datetime

from nightshift.gate.facts import ChannelFacts, GateFacts
from nightshift.gate.outline import Outline
from nightshift.model.plan import Proposal, Step
from nightshift.model.verdict import Finding

__all__ = ["BREAKER", "plan_findings", "step_findings"]

BREAKER = "breaker"
"""The rule of a finding that passes by itself."""


def plan_findings(proposal: Proposal, facts: GateFacts, digest: str) -> Iterator[Finding]:
    """What keeps the plan as a whole from running."""
    if proposal.digest != digest:
        problem, fix = "the digest is not that of the plan", "Propose the plan again."
        yield Finding(rule="digest", field="digest", problem=problem, fix=fix)
    if proposal.tenant != facts.tenant:
        problem, fix = "the plan is another tenant's", "Propose it for its own tenant."
        yield Finding(rule="tenant", field="tenant", problem=problem, fix=fix)
    if facts.halted:
        problem, fix = "the tenant is halted: nothing runs", "Let an admin end the halt first."
        yield Finding(rule="halted", problem=problem, fix=fix)
    if facts.locked:
        problem, fix = "automation is locked out of the case", "A person has to finish this case."
        yield Finding(rule="locked", problem=problem, fix=fix)
    if facts.permissions is None:
        problem = f"policy knows no role {facts.requester.role}"
        fix = f"Ask as one of: {', '.join(sorted(facts.policy.roles))}."
        yield Finding(rule="role", field="requester.role", problem=problem, fix=fix)


def step_findings(step: Step, outline: Outline, facts: GateFacts) -> Iterator[Finding]:
    """Whether the tool exists, the channel serves it, and the requester may ask for it."""
    spec = outline.spec(step)
    if spec is None:
        domain = step.tool.partition(".")[0]
        near = sorted(name for name in facts.tools if name.partition(".")[0] == domain)
        problem = f"there is no tool {step.tool}"
        fix = f"Use one of: {', '.join(near or sorted(facts.tools))}."
        yield Finding(rule="tool", step=step.id, field="tool", problem=problem, fix=fix)
    yield from _channel_findings(step, outline, facts)
    held = facts.permissions
    if spec is not None and held is not None and spec.permission not in held:
        problem = f"the role {facts.requester.role} does not hold {spec.permission}, which {step.tool} needs"
        fix = "Ask as a role that holds it; no step of this plan runs."
        yield Finding(rule="permission", step=step.id, field="tool", problem=problem, fix=fix)


def _channel_findings(step: Step, outline: Outline, facts: GateFacts) -> Iterator[Finding]:
    channel, spec = facts.channels.get(step.channel), outline.spec(step)
    if not step.channel:
        problem, fix = "it names no channel", f"Use one of: {_names(facts)}."
        yield Finding(rule="channel", step=step.id, field="channel", problem=problem, fix=fix)
        return
    if channel is None:
        problem = f"the tenant has no channel {step.channel}"
        fix = f"Use one of: {_names(facts)}."
        yield Finding(rule="channel", step=step.id, field="channel", problem=problem, fix=fix)
        return
    yield from _lane_findings(step, channel, reads=outline.reads(step), now=facts.now)
    if spec is not None and channel.adapter not in spec.adapters:
        problem = f"{step.channel} is served by {channel.adapter}, which does not offer {step.tool}"
        fix = f"Use a channel of: {', '.join(spec.adapters) or 'no adapter offers it yet'}."
        yield Finding(rule="adapter", step=step.id, field="channel", problem=problem, fix=fix)


def _names(facts: GateFacts) -> str:
    return ", ".join(sorted(facts.channels)) or "the channels of the tenant"


def _lane_findings(step: Step, channel: ChannelFacts, *, reads: bool, now: datetime) -> Iterator[Finding]:
    """Whether the channel takes calls now: its breaker is not open, and its writes are not stopped."""
    if channel.open_until is not None and now < channel.open_until:
        seconds = math.ceil((channel.open_until - now).total_seconds())
        problem = f"the vendor of {step.channel} is in trouble: no call goes through for {seconds} s"
        fix = "Wait until its breaker lets a trial through, then propose the plan again."
        yield Finding(rule=BREAKER, step=step.id, field="channel", problem=problem, fix=fix)
    if channel.stopped and not reads:
        problem = f"writes over {step.channel} are stopped: its vendor answered in a shape nobody expected"
        fix = "Let a person look at the sample and release the channel."
        yield Finding(rule="stopped", step=step.id, field="channel", problem=problem, fix=fix)
