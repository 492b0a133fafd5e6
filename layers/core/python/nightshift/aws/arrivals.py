"""When something last came in, from the stored bodies: it costs nothing until somebody asks."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from nightshift.ids import ChannelId, TenantId

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

__all__ = ["S3Arrivals"]

_MOST_PAGES: Final = 5  # of a thousand bodies each: on a busier day the answer may be too early by hours


class S3Arrivals:
    """The `Arrivals` port on the bucket of raw bodies, whose keys begin `<tenant>/<channel>/<day>/`."""

    def __init__(self, bucket: str, client: "S3Client") -> None:
        self._bucket = bucket
        self._client = client

    def last(self, tenant: TenantId, channel: ChannelId, *, now: datetime, days: int) -> datetime | None:
        """When a channel's latest delivery was stored, looking back so many days; None: none was."""
        for back in range(days):
            day = now - timedelta(days=back)
            latest = self._of_day(f"{tenant}/{channel}/{day:%Y/%m/%d}/")
            if latest is not None:
                return latest
        return None

    def _of_day(self, prefix: str) -> datetime | None:
        latest: datetime | None = None
        after = ""
        for _ in range(_MOST_PAGES):
            page = self._client.list_objects_v2(Bucket=self._bucket, Prefix=prefix, StartAfter=after)
            found = page.get("Contents", [])
            stamps = [each["LastModified"] for each in found]
            latest = max([*stamps, latest] if latest else stamps, default=latest)
            if not page.get("IsTruncated"):
                break
            after = found[-1]["Key"]
        return latest
