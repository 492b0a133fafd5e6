"""Mail that SES received for us, and its word on mail that we sent."""
