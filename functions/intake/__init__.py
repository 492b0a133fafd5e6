"""Stage 1 where vendors only answer: pulled from a stored cursor."""
