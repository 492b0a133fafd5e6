"""Dry runs: what the gate would say, what a plan would do, and whether its tests hold of that."""
