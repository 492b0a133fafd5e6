"""The storefront's contact form and its conversations."""
