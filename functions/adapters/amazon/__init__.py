"""Amazon, over the Selling Partner API."""
