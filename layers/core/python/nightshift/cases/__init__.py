"""Stage 2, cases: an event opens a case, joins an open one, wakes a sleeping one, or is noted."""
