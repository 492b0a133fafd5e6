"""Stripe, over its REST API."""
