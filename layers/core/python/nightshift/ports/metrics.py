"""Counting what happens, for alarms and the dashboard."""

from typing import Protocol

from nightshift.model.metric import Metric

__all__ = ["Metrics"]


class Metrics(Protocol):
    """Counts are cheap and never fail; they carry no personal data."""

    def count(self, metric: Metric, value: float = 1) -> None:
        """Add to a metric of this invocation."""
