"""Stage 8: the log's heads, signed and kept outside the log."""
