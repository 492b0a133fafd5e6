"""One folder per vendor: its tools, its webhooks, its one secret. Adapters do not know one another."""
