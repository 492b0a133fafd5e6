"""Saved plans with triggers: what is due, or hears an event, begins."""
