"""Shopify, over the Admin GraphQL API."""
