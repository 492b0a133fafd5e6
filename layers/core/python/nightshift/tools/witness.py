"""Sees one tool call from beginning to end: then the lane is told what it learned, and a trace is left."""

from types import TracebackType
from typing import Self

from nightshift.ids import ChannelId, TenantId
from nightshift.model.base import Noun
from nightshift.model.effect import StepResult
from nightshift.model.trace import ToolTrace
from nightshift.tools.door import Door, Ready, StepCall
from nightshift.tools.line import Line
from nightshift.tools.trace import shape_of

__all__ = ["Witness"]


class Witness:
    """Around one call: `with Witness(door) as witness: …`; nothing it does keeps an error from passing."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._trace = ToolTrace(adapter=door.adapter.name)
        self._line: Line | None = None
        self._args: Noun | None = None

    def __enter__(self) -> Self:
        self._began = self._door.clock.now()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        """Report and leave the trace."""
        if error is not None:
            self._changed(outcome=type(error).__name__, code=str(getattr(error, "code", "")))
        if self._line is not None:
            self._changed(requests=self._line.requests, attempt=self._line.attempt)
        if self._args is not None:
            self._changed(shape=shape_of(self._args))
        took = self._door.clock.now() - self._began
        self._changed(milliseconds=round(took.total_seconds() * 1000, 1))
        self._door.traces.called(self._trace)
        if self._line is not None:
            self._report(self._line, error)

    @staticmethod
    def _report(line: Line, error: BaseException | None) -> None:
        try:
            line.report()
        except Exception:
            if error is None:
                raise
            # how the call ended says what to do next: it must not give way to this

    def step(self, given: StepCall) -> None:
        """It is a step of a run."""
        self._changed(
            run=given.run, step=given.step, occurrence=given.occurrence, generation=given.generation
        )

    def tool(self, tenant: TenantId, channel: ChannelId, tool: str) -> None:
        """Which tool over which channel."""
        self._changed(tenant=tenant, channel=channel, tool=tool)

    def ready(self, ready: Ready) -> None:
        """It is resolved and has its line."""
        self.call(ready.line, ready.args)

    def call(self, line: Line, args: Noun) -> None:
        """It has its line and its arguments."""
        self._line, self._args = line, args

    def ended(self, result: StepResult) -> StepResult:
        """It ended with a result."""
        self._changed(outcome=result.outcome.value, code=result.code)
        return result

    def answered(self) -> None:
        """A read without a plan was answered."""
        self._changed(outcome="DONE")

    def _changed(self, **fields: object) -> None:
        self._trace = self._trace.model_copy(update=fields)
