"""What the standard case costs: counts from the local stack, turned into money by a dated price table."""
