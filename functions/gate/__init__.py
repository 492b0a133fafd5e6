"""Stage 5: the gate."""
