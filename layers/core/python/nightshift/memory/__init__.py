"""Memory: what is kept of closed cases, for the next one of the same customer."""
