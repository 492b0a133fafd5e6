"""The action log: append-only, one hash chain per stream, provable from its entries alone."""
