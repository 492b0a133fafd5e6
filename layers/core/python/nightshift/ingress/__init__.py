"""Stage 1, ingress: a webhook is verified, its raw body stored, normalised to an event, queued."""
