"""The shape of a plan: its steps by id, what each one needs in the end, and the order they run in."""

import heapq
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from nightshift.ids import StepId
from nightshift.model.plan import Plan, Step
from nightshift.model.tool import EffectClass, ToolSpec
from nightshift.model.verdict import Finding

__all__ = ["Outline"]


@dataclass(frozen=True)
class Outline:
    """A plan with the contracts of its tools."""

    plan: Plan
    tools: Mapping[str, ToolSpec]

    @cached_property
    def steps(self) -> dict[StepId, Step]:
        """The steps by id; of two with the same id the first."""
        found: dict[StepId, Step] = {}
        for step in self.plan.steps:
            found.setdefault(step.id, step)
        return found

    def spec(self, step: Step) -> ToolSpec | None:
        """The contract of a step's tool, or None when there is none."""
        return self.tools.get(step.tool)

    def reads(self, step: Step) -> bool:
        """Whether a step only reads. A tool that is unknown may do anything."""
        spec = self.tools.get(step.tool)
        return spec is not None and spec.effect is EffectClass.READ

    @cached_property
    def order(self) -> tuple[StepId, ...]:
        """The steps so that each comes after all it needs, else as the plan lists them.

        Steps of a cycle, and those that need them, are left out.
        """
        rank = {step: index for index, step in enumerate(self.steps)}
        open_needs = {step.id: set(self._known_needs(step)) for step in self.steps.values()}
        needed_by: dict[StepId, list[StepId]] = {step: [] for step in self.steps}
        for step, needs in open_needs.items():
            for need in needs:
                needed_by[need].append(step)
        ready = [(rank[step], step) for step, needs in open_needs.items() if not needs]
        heapq.heapify(ready)
        found: list[StepId] = []
        while ready:
            _, done = heapq.heappop(ready)
            found.append(done)
            for step in needed_by[done]:
                open_needs[step].discard(done)
                if not open_needs[step]:
                    heapq.heappush(ready, (rank[step], step))
        return tuple(found)

    @cached_property
    def running(self) -> tuple[StepId, ...]:
        """The order of execution: all reads first, then the writes."""
        reads = [s for s in self.order if self.reads(self.steps[s])]
        return (*reads, *(s for s in self.order if not self.reads(self.steps[s])))

    @cached_property
    def before(self) -> dict[StepId, frozenset[StepId]]:
        """Per step everything it needs, at any remove."""
        found: dict[StepId, frozenset[StepId]] = {}
        for step in self.order:
            needs = self._known_needs(self.steps[step])
            found[step] = frozenset(needs).union(*(found[need] for need in needs))
        return found

    def _known_needs(self, step: Step) -> list[StepId]:
        return [need for need in step.needs if need in self.steps]

    def findings(self) -> Iterator[Finding]:
        """What is wrong with ids and needs."""
        seen: set[StepId] = set()
        for step in self.plan.steps:
            if step.id in seen:
                problem, fix = f"two steps are called {step.id}", "Give each step its own id."
                yield Finding(rule="step-id", step=step.id, field="id", problem=problem, fix=fix)
            seen.add(step.id)
            yield from self._needs_findings(step)
        ordered = set(self.order)
        circle = [step for step in self.steps if step not in ordered]
        for step_id in circle:
            problem = f"it needs itself, over: {', '.join(circle)}"
            fix = "Take one of these needs away."
            yield Finding(rule="cycle", step=step_id, field="needs", problem=problem, fix=fix)

    def _needs_findings(self, step: Step) -> Iterator[Finding]:
        for need in step.needs:
            if need not in self.steps:
                problem = f"there is no step {need}"
                fix = f"Name one of: {', '.join(s for s in self.steps if s != step.id) or 'no other step'}."
                yield Finding(rule="needs", step=step.id, field="needs", problem=problem, fix=fix)
