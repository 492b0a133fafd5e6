"""What the core asks of the outside world; `nightshift.aws` answers it."""
