"""The demo shop: the whole system on one machine, with its stories."""
