"""Takes a received mail in, or hears what became of one of ours."""

from typing import Any

from nightshift.telemetry import entrypoint
from nightshift.wiring.mail import MailSettings, PostRoom, wire

__all__ = ["handler"]


@entrypoint(MailSettings, wire)
def handler(event: dict[str, Any], post_room: PostRoom) -> None:
    """A receipt rule's event, or an event of source `aws.ses` → nothing; what failed comes again."""
    post_room.take(event)
