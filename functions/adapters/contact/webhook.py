"""The contact form's messages as one Lambda."""

from functions.adapters.contact.webhooks import WEBHOOKS
from nightshift.wiring.webhook import webhook_handler

handler = webhook_handler(WEBHOOKS, adapter="contact")
