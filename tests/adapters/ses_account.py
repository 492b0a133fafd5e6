"""What SES published, as `functions/mail` keeps it, without its tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nightshift.ingress.ses import Notice
from nightshift.ports.mail import SentMail

if TYPE_CHECKING:
    from nightshift.ids import TenantId

__all__ = ["CONFIGURATION_SET", "Published"]

CONFIGURATION_SET = "nightshift-dev"


class Published:
    """Hears what an account publishes and keeps it by tenant and key; the first telling stands."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], SentMail] = {}

    def __call__(self, event: dict[str, Any]) -> None:
        notice = Notice.model_validate(event)
        sent = SentMail(message=notice.detail.mail.message_id, sent_at=notice.detail.mail.timestamp)
        self.record(notice.tag("tenant"), notice.tag("key"), sent)  # type: ignore[arg-type]  # the tag is the id

    def record(self, tenant: TenantId, effect: str, sent: SentMail) -> None:
        self._kept.setdefault((tenant, effect), sent)

    def find(self, tenant: TenantId, effect: str) -> SentMail | None:
        return self._kept.get((tenant, effect))
