"""The Lambda of the end of a wake: commit and hand over."""
