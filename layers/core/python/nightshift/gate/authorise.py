"""The stage: a run's plan is judged once, its worst case reserved, its verdict kept and logged."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Protocol

from nightshift.clock import Clock
from nightshift.errors import Conflict, NotFound, Throttled
from nightshift.gate.checks import BREAKER
from nightshift.gate.decide import decide
from nightshift.gate.facts import ChannelFacts, GateFacts, day_began
from nightshift.gate.windows import reservations, window_keys
from nightshift.ids import CaseId, ChannelId, RunId
from nightshift.model.log import EntryKind
from nightshift.model.moves import settling
from nightshift.model.plan import Proposal
from nightshift.model.tool import ToolSpec
from nightshift.model.verdict import Decision, RunState, Verdict
from nightshift.ports.config import Config
from nightshift.ports.limits import Limits
from nightshift.ports.log import ActionLog, NewEntry
from nightshift.ports.runs import Runs
from nightshift.ports.windows import Windows

__all__ = ["Locks", "authorise", "gate_facts"]

_TRIES = 5
_SOON = timedelta(seconds=60)


class Locks(Protocol):
    """Whether automation is locked out of a case, strongly consistent."""

    def locked(self, case: CaseId) -> bool:
        """Whether a person has to finish this case."""


def authorise(
    run: RunId,
    generation: int,
    *,
    runs: Runs,
    config: Config,
    locks: Locks,
    windows: Windows,
    limits: Limits,
    log: ActionLog,
    catalog: Mapping[str, ToolSpec],
    clock: Clock,
) -> RunState:
    """Judge the plan of a run and say what the run does first.

    Safe to repeat: the verdict stored first stands, and a run's reservation replaces its earlier one.
    The worst case is reserved before the verdict is stored, so that no allowed plan goes uncounted;
    what a crash in between leaves behind is replaced by the next try or taken back at settling.

    Raises:
        NotFound: the run has no plan, or its tenant no record or policy.
        Misconfigured: the policy names a time zone that does not exist.
        Conflict: other runs changed the same windows over and over; nothing was decided.
        Throttled: nothing but an open breaker speaks against it, and that lets a trial through soon.
    """
    proposal = runs.proposal(run)
    verdict = _stored(run, runs)
    if verdict is None:
        verdict = _judged(
            proposal,
            runs=runs,
            config=config,
            locks=locks,
            windows=windows,
            limits=limits,
            catalog=catalog,
            clock=clock,
        )
    elif runs.outcome(run) is not None:  # recovered after its end: there is nothing left to do but say so
        return settling(run=run, generation=generation, index=0)
    _write_down(verdict, proposal, log)
    return RunState(run=run, generation=generation, move=verdict.moves[0], ask_seconds=verdict.ask_seconds)


def _stored(run: RunId, runs: Runs) -> Verdict | None:
    try:
        return runs.verdict(run)
    except NotFound:
        return None


def _judged(
    proposal: Proposal,
    *,
    runs: Runs,
    config: Config,
    locks: Locks,
    windows: Windows,
    limits: Limits,
    catalog: Mapping[str, ToolSpec],
    clock: Clock,
) -> Verdict:
    for _ in range(_TRIES):
        facts = gate_facts(
            proposal,
            config=config,
            locks=locks,
            windows=windows,
            limits=limits,
            catalog=catalog,
            clock=clock,
        )
        verdict = decide(proposal, facts)
        _wait_for_a_breaker(verdict, facts)
        if _spends(verdict):
            wanted = reservations(proposal, verdict, facts=facts)
            try:
                windows.reserve(proposal.run, wanted)
            except Conflict:
                continue
        given = runs.give(verdict)
        holds_some = any(use.run == proposal.run for counter in facts.counters for use in counter.uses)
        nothing_is_spent = not _spends(given) and (_spends(verdict) or holds_some)
        if nothing_is_spent or _ended_meanwhile(given, verdict, runs):
            windows.settle(proposal, {}, at=facts.now)
        return given
    message = f"other runs changed the windows of run {proposal.run} {_TRIES} times"
    raise Conflict(message)


def _ended_meanwhile(given: Verdict, mine: Verdict, runs: Runs) -> bool:
    """Whether another attempt was so much faster that its run is settled, and settles nothing any more."""
    return given is not mine and runs.outcome(mine.run) is not None


def _wait_for_a_breaker(verdict: Verdict, facts: GateFacts) -> None:
    """Decide later where only a breaker that is about to let a trial through speaks against the plan."""
    against = {found.rule for found in verdict.findings if found.decision is Decision.REFUSE}
    until = [c.open_until for c in facts.channels.values() if c.open_until and c.open_until > facts.now]
    if against != {BREAKER} or not until or max(until) - facts.now > _SOON:
        return
    wait = (max(until) - facts.now).total_seconds()
    message = "the vendor of one of the plan's channels is left alone for a while"
    raise Throttled(message, code="breaker.open", retry_after=wait)


def _spends(verdict: Verdict) -> bool:
    """Whether something may happen for which windows must be reserved."""
    return verdict.decision is not Decision.REFUSE and not verdict.shadow


def gate_facts(
    proposal: Proposal,
    *,
    config: Config,
    locks: Locks,
    windows: Windows,
    limits: Limits,
    catalog: Mapping[str, ToolSpec],
    clock: Clock,
) -> GateFacts:
    """The world as the gate sees it now; nothing is reserved or stored.

    Raises:
        NotFound: the tenant has no record or policy.
        Misconfigured: the policy names a time zone that does not exist.
    """
    tenant = config.tenant(proposal.tenant)
    policy = config.policy_of(tenant)
    role = policy.roles.get(proposal.requester.role)
    now = clock.now()
    return GateFacts(
        now=now,
        day_began=day_began(now, policy.timezone),
        tenant=tenant.id,
        requester=proposal.requester,
        permissions=role.permissions if role is not None else None,
        policy=policy,
        tools=dict(catalog),
        channels=_channels(proposal, config, limits),
        halted=tenant.halted,
        locked=proposal.case is not None and locks.locked(proposal.case),
        tainted=frozenset(proposal.tainted),
        counters=windows.load(window_keys(proposal, policy, tools=catalog)),
        two_factor=policy.approvals.two_factor != "unavailable",
    )


def _channels(proposal: Proposal, config: Config, limits: Limits) -> dict[ChannelId, ChannelFacts]:
    known = []
    for name in dict.fromkeys(step.channel for step in proposal.plan.steps if step.channel):
        try:
            known.append(config.channel(proposal.tenant, name))
        except NotFound:
            continue
    lanes = limits.states(proposal.tenant, [channel.id for channel in known]) if known else ()
    return {
        channel.id: ChannelFacts(
            adapter=channel.adapter,
            live_tools=channel.live_tools,
            open_until=lane.open_until,
            stopped=lane.stopped is not None,
        )
        for channel, lane in zip(known, lanes, strict=True)
    }


def _write_down(verdict: Verdict, proposal: Proposal, log: ActionLog) -> None:
    entry = NewEntry(
        kind=EntryKind.VERDICT_GIVEN,
        tenant=verdict.tenant,
        at=verdict.decided_at,
        actor="gate",
        ref=verdict.run,
        detail={
            "run": verdict.run,
            "plan": verdict.plan_digest,
            "policy": verdict.policy_version,
            "decision": verdict.decision.value,
            "tier": verdict.tier.value,
            "shadow": verdict.shadow,
            "steps": {step.step: step.rule for step in verdict.steps},
            "findings": list(dict.fromkeys(found.rule for found in verdict.findings)),
        },
    )
    log.append(proposal.case or verdict.run, entry)
