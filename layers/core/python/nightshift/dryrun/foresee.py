"""The stage: a plan as it would run now, from the gate's own judgement and READ tools alone."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from pydantic import JsonValue

from nightshift.clock import Clock
from nightshift.dryrun.critic import criticised
from nightshift.dryrun.predict import Known, args_of, predicted, would_run
from nightshift.errors import Rejected, WireError
from nightshift.gate.authorise import Locks, gate_facts
from nightshift.gate.decide import decide
from nightshift.gate.facts import GateFacts
from nightshift.gate.outline import Outline
from nightshift.ids import ChannelId, StepId
from nightshift.model.dryrun import DryRun, Foreseen, Prospect
from nightshift.model.effect import StepResult
from nightshift.model.plan import Proposal, Step
from nightshift.model.tool import EffectClass, Outcome, ToolSpec
from nightshift.model.verdict import Decision, Verdict
from nightshift.money import Money
from nightshift.ports.config import Config
from nightshift.ports.flow import ReadTools
from nightshift.ports.limits import Limits
from nightshift.ports.windows import Windows

__all__ = ["Foreseeing", "Looked", "check", "dry_run"]

_AT_ONCE: Final = 8  # reads under way
_LONGEST: Final = timedelta(seconds=6)  # who asked waits at an HTTP API
_OUT_OF_TIME: Final = "there was no time to read it; ask for a dry run of fewer steps"
_LOOKS: Final = ("listings.get", "catalog.get_product")  # what tells what a channel has of a SKU


_MAKES: Final = "listings.create"  # what it names need not be there


@dataclass(frozen=True, kw_only=True)
class Looked:
    """What a channel has of a SKU, or why it has nothing."""

    found: Mapping[str, JsonValue] = field(default_factory=dict)
    fault: str = ""


@dataclass(frozen=True, kw_only=True)
class Foreseeing:
    """What dry runs need: the gate's facts, and READ tools. Nothing here can write."""

    config: Config
    locks: Locks
    windows: Windows
    limits: Limits
    reads: ReadTools
    catalog: Mapping[str, ToolSpec]
    clock: Clock


def check(parts: Foreseeing, proposal: Proposal) -> Verdict:
    """What the gate would say of a plan now. Nothing is stored, nothing reserved.

    Raises:
        NotFound: the tenant has no record or policy.
        Misconfigured: the policy names a time zone that does not exist.
    """
    return decide(proposal, _facts(parts, proposal))


def dry_run(parts: Foreseeing, proposal: Proposal) -> DryRun:
    """A plan as it would run now: its reads are carried out, its writes predicted, its tests judged.

    Of a plan that the gate would refuse nothing is read: whoever may not run it learns nothing by it.

    Raises:
        NotFound: the tenant has no record or policy.
        Misconfigured: the policy names a time zone that does not exist.
    """
    facts = _facts(parts, proposal)
    verdict = decide(proposal, facts)
    if verdict.decision is Decision.REFUSE:
        return DryRun(verdict=verdict, passed=False)
    rehearsal = _Rehearsal(parts=parts, proposal=proposal, facts=facts, until=parts.clock.now() + _LONGEST)
    rehearsal.go()
    order = {step.id: rank for rank, step in enumerate(proposal.plan.steps)}
    steps = tuple(sorted(rehearsal.foreseen.values(), key=lambda each: order[each.step]))
    tests, findings = criticised(proposal.plan, steps)
    return DryRun(
        verdict=verdict,
        passed=not findings,
        steps=steps,
        tests=tests,
        findings=findings,
        at_risk=tuple(_at_risk(steps)),
    )


def _facts(parts: Foreseeing, proposal: Proposal) -> GateFacts:
    return gate_facts(
        proposal,
        config=parts.config,
        locks=parts.locks,
        windows=parts.windows,
        limits=parts.limits,
        catalog=parts.catalog,
        clock=parts.clock,
    )


def _at_risk(steps: Sequence[Foreseen]) -> Iterator[Money]:
    sums: dict[str, Money] = {}
    for step in steps:
        if step.money is not None:
            before = sums.get(step.money.currency)
            sums[step.money.currency] = step.money if before is None else before + step.money
    yield from sums.values()


@dataclass(kw_only=True)
class _Rehearsal:
    """One dry run under way: what is known so far, step after step."""

    parts: Foreseeing
    proposal: Proposal
    facts: GateFacts
    until: datetime
    results: dict[StepId, StepResult] = field(default_factory=dict)
    foreseen: dict[StepId, Foreseen] = field(default_factory=dict)
    looked: dict[tuple[ChannelId, str], Looked] = field(default_factory=dict)

    def go(self) -> None:
        outline = Outline(plan=self.proposal.plan, tools=self.parts.catalog)
        with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
            for wave in _waves(outline):
                for foreseen, result in pool.map(self._step, wave):
                    self.foreseen[foreseen.step] = foreseen
                    if result is not None:
                        self.results[foreseen.step] = result

    def _step(self, step: Step) -> tuple[Foreseen, StepResult | None]:
        runs, why = would_run(self.proposal.plan, step, self.foreseen, self.results)
        if runs is Prospect.SKIPPED:
            return self._seen(step, runs, why=why), self._result(step, skipped=True)
        known = args_of(self.proposal.plan, step, self.results)
        if step.is_control:
            return self._controlled(step, runs, known, why), None
        spec = self.parts.catalog[step.tool]
        if spec.effect is EffectClass.READ:
            return self._read(step, runs, known, why)
        looked = self._look(step, known.args)
        if looked.fault and step.tool != _MAKES:
            known = known.model_copy(update={"fault": known.fault or looked.fault})
        return predicted(step, spec, known, looked=looked.found, prospect=runs, why=why), None

    def _controlled(self, step: Step, runs: Prospect, known: Known, why: str) -> Foreseen:
        """A wait or a question: nothing of it is done."""
        if known.fault and runs is Prospect.WOULD_RUN:
            return self._seen(step, Prospect.WOULD_FAIL, known, why=known.fault)
        return self._seen(step, Prospect.CONTROL if runs is Prospect.WOULD_RUN else runs, known, why=why)

    def _read(self, step: Step, runs: Prospect, known: Known, why: str) -> tuple[Foreseen, StepResult | None]:
        if known.open and runs is Prospect.WOULD_RUN:
            runs, why = Prospect.DEPENDS, "it takes what is known only when the plan runs"
        if runs is not Prospect.WOULD_RUN:
            return self._seen(step, runs, known, why=why), None
        if known.fault or self.parts.clock.now() >= self.until:
            return self._seen(step, Prospect.WOULD_FAIL, known, why=known.fault or _OUT_OF_TIME), None
        try:
            output = self.parts.reads.read(self.proposal.tenant, step.channel, step.tool, known.args)
        except WireError as exc:
            return self._seen(step, Prospect.WOULD_FAIL, known, why=str(exc)), None
        seen = self._seen(step, Prospect.READ, known).model_copy(update={"output": output})
        return seen, self._result(step, output=output)

    def _look(self, step: Step, args: dict[str, JsonValue]) -> Looked:
        """What the channel has of the SKU that a write names, if its requester may see that."""
        sku = args.get("sku")
        channel = self.facts.channels.get(step.channel)
        if not isinstance(sku, str) or channel is None or self.parts.clock.now() >= self.until:
            return Looked()
        known = (step.channel, sku)
        if known not in self.looked:
            self.looked[known] = self._looked(step.channel, channel.adapter, sku)
        return self.looked[known]

    def _looked(self, channel: ChannelId, adapter: str, sku: str) -> Looked:
        for name in _LOOKS:
            spec = self.parts.catalog.get(name)
            held = self.facts.permissions or frozenset()
            if spec is None or adapter not in spec.adapters or spec.permission not in held:
                continue
            try:
                return Looked(found=self.parts.reads.read(self.proposal.tenant, channel, name, {"sku": sku}))
            except Rejected as exc:
                return Looked(fault=str(exc))
            except WireError:
                return Looked()
        return Looked()

    def _seen(self, step: Step, prospect: Prospect, known: Known | None = None, *, why: str = "") -> Foreseen:
        return Foreseen(
            step=step.id,
            tool=step.tool,
            channel=step.channel,
            prospect=prospect,
            args=known.args if known else step.args,
            open=known.open if known else (),
            why=why,
        )

    def _result(
        self, step: Step, *, output: dict[str, JsonValue] | None = None, skipped: bool = False
    ) -> StepResult:
        return StepResult(
            run=self.proposal.run,
            step=step.id,
            outcome=Outcome.NOT_DONE if skipped else Outcome.DONE,
            code="skipped" if skipped else "",
            output=output or {},
            skipped=skipped,
            settled_at=self.parts.clock.now(),
        )


def _waves(outline: Outline) -> Iterator[list[Step]]:
    """The steps so that each comes after all it needs; those of one wave need nothing of one another."""
    depth: dict[StepId, int] = {}
    for step in outline.order:
        depth[step] = 1 + max((depth[need] for need in outline.before[step]), default=-1)
    for level in range(max(depth.values(), default=-1) + 1):
        yield [outline.steps[step] for step, at in depth.items() if at == level]
