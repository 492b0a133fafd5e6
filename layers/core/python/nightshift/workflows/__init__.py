"""Saved plans with triggers: by hand, by the clock, by what happens."""
