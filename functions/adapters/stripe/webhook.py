"""Stripe's webhooks as one Lambda."""

from functions.adapters.stripe.webhooks import WEBHOOKS
from nightshift.wiring.webhook import webhook_handler

handler = webhook_handler(WEBHOOKS, adapter="stripe")
