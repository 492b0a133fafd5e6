"""Triage: rules that find what a person must see first, in every event, before any model."""

from nightshift.triage.signals import signals

__all__ = ["signals"]
