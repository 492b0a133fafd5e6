"""Shopify's answers as they come: `wire` (every answer), `state` (money, progress), `orders` (the graph)."""
