"""What a tool call says beside its result, kept: counts, traces and samples; and how long it may take."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nightshift.model.metric import Metric
    from nightshift.model.trace import ToolTrace


@dataclass
class Heard:
    """`Metrics`, `Traces`, `Samples` and `Deadline` at once, for a door under test."""

    counts: Counter[Metric] = field(default_factory=Counter)
    traces: list[ToolTrace] = field(default_factory=list)
    samples: dict[str, bytes] = field(default_factory=dict)
    seconds: float = 60.0

    def count(self, metric: Metric, value: float = 1) -> None:
        self.counts[metric] += int(value)

    def called(self, trace: ToolTrace) -> None:
        self.traces.append(trace)

    def keep(self, name: str, body: bytes) -> str | None:
        self.samples[name] = body
        return name

    def left(self) -> float:
        return self.seconds
