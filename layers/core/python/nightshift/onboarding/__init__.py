"""Setting tenants up: the one place that writes tenants, channels, people and their secrets."""
