"""Stage 2: events become cases."""
