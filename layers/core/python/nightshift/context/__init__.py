"""Context: what one wake of a case knows; proposes nothing."""
