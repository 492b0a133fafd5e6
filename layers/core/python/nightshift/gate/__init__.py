"""The gate: the whole plan is validated, authorised and tiered, once, by code that cannot be talked round."""
