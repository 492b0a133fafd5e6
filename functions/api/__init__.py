"""The HTTP API: `ANY /v1/{proxy+}`."""
