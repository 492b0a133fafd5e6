"""Stage 1, once more: stored deliveries that reached no inbox."""
