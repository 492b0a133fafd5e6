"""Stripe's answers as they come."""
