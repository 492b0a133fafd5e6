"""The one place for what Lambda runs on and how long things may take, in seconds.

The order that keeps an effect from happening twice: a vendor's client gives up before its Lambda is
killed, the Lambda before its lease runs out, and the next attempt starts after the lease. A test holds
it together with the state machines.
"""

from typing import Final

__all__ = [
    "ANCHOR_TIMEOUT",
    "ARCHITECTURE",
    "FUNCTION_TIMEOUT",
    "LEASE",
    "MAIL_MEMORY_MB",
    "MAIL_TIMEOUT",
    "MEMORY_MB",
    "PYTHON",
    "QUEUE_CONSUMER_TIMEOUT",
    "RECOVERY_TIMEOUT",
    "SETUP_TIMEOUT",
    "TOOLS_TIMEOUT",
    "WEBHOOK_TIMEOUT",
]

PYTHON: Final = "3.13"
ARCHITECTURE: Final = "arm64"
MEMORY_MB: Final = 512  # CPU comes with memory: below it, imports dominate a cold start

WEBHOOK_TIMEOUT: Final = 15
QUEUE_CONSUMER_TIMEOUT: Final = 15  # a failed message stays hidden for six times this; a person waits
FUNCTION_TIMEOUT: Final = 25  # below the 30 s of the HTTP API and of the shortest Task
MAIL_TIMEOUT: Final = 60
MAIL_MEMORY_MB: Final = 1024  # a message of 40 MB is read whole
RECOVERY_TIMEOUT: Final = 55
SETUP_TIMEOUT: Final = 29  # it waits for a vendor's tools, and the HTTP API for it
ANCHOR_TIMEOUT: Final = 60
TOOLS_TIMEOUT: Final = 30
LEASE: Final = 45
