"""A feed of competitors' prices."""
