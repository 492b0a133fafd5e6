"""Dry runs: what the gate would say of a plan, and how it would run."""
