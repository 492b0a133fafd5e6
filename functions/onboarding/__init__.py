"""Setting tenants up: `ANY /v1/setup/{proxy+}`; alone may write the configuration and channels' secrets."""
