"""The Lambda of stage 4: plan."""
