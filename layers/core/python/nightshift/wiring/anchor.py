"""The anchor function: batches of the log table's stream, with partial failures."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from nightshift.actionlog.anchor import Anchoring, Change, anchor_heads, look
from nightshift.aws.anchors import DynamoFingerPosts, KmsSigner, S3Anchors
from nightshift.aws.client import client
from nightshift.clock import SystemClock
from nightshift.errors import NightshiftError
from nightshift.ids import TenantId
from nightshift.model.anchor import Head
from nightshift.model.metric import Metric
from nightshift.ports.metrics import Metrics
from nightshift.settings import Settings
from nightshift.telemetry import logger, metrics

__all__ = ["AnchorSettings", "Anchorer", "wire"]


class AnchorSettings(Settings):
    """Settings of the anchor function; it knows the log's table by its stream alone."""

    table_subjects: str
    bucket_anchors: str
    key_anchors: str


@dataclass(frozen=True, kw_only=True)
class Anchorer:
    """Takes batches. What AWS did not take comes again; what is broken holds up nothing else."""

    parts: Anchoring
    metrics: Metrics

    def batch(self, event: dict[str, Any]) -> dict[str, Any]:
        """Anchor what a batch of stream records shows; names the first that must come again."""
        records = event["Records"]
        seen = look(_change(record) for record in records)
        for problem in seen.broken:
            logger.error("log broken", problem=problem)
        if seen.broken:
            self.metrics.count(Metric.LOG_BROKEN, len(seen.broken))
        failed = {tenant for tenant, heads in seen.heads.items() if not self._anchored(tenant, heads)}
        again = _first_of(records, failed)
        return {"batchItemFailures": [{"itemIdentifier": again}] if again else []}

    def _anchored(self, tenant: TenantId, heads: tuple[Head, ...]) -> bool:
        try:
            place = anchor_heads(self.parts, tenant, heads)
        except (NightshiftError, ClientError, BotoCoreError) as exc:
            logger.warning("heads come again", tenant=tenant, error=type(exc).__name__)
            return False
        self.metrics.count(Metric.ANCHORED, len(heads))
        logger.info("heads anchored", tenant=tenant, anchor=place.number, heads=len(heads))
        return True


def _change(record: dict[str, Any]) -> Change:
    shown = record["dynamodb"]
    doc = shown.get("NewImage", {}).get("doc", {}).get("S")
    return Change(kind=record["eventName"], stream=shown["Keys"]["pk"]["S"], doc=doc)


def _first_of(records: Iterable[dict[str, Any]], tenants: set[TenantId]) -> str | None:
    """The first record with an entry of these tenants: the stream goes on from there."""
    for record in records if tenants else ():
        if any(f'"tenant":"{tenant}"' in (_change(record).doc or "") for tenant in tenants):
            return str(record["dynamodb"]["SequenceNumber"])
    return None


def wire(settings: AnchorSettings) -> Anchorer:
    """Put the anchor function together."""
    return Anchorer(
        parts=Anchoring(
            store=S3Anchors(settings.bucket_anchors, lambda: client("s3")),
            posts=DynamoFingerPosts(settings.table_subjects, client("dynamodb")),
            signer=KmsSigner(settings.key_anchors, client("kms")),
            clock=SystemClock(),
        ),
        metrics=metrics,
    )
