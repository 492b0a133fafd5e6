"""nightshift: digital employees for e-commerce operations."""
