"""Runs: one plan carried out, move after move, and how it ended."""
