"""Steering of runs without a case: stop, go on, try again, end."""
