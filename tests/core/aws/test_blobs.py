from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from nightshift.aws.blobs import S3Blobs
from nightshift.aws.client import client
from nightshift.errors import NotFound

if TYPE_CHECKING:
    from tests.support.tables import Tables


@pytest.fixture
def blobs(tables: Tables) -> S3Blobs:
    bucket = f"bodies-{tables.ingress.rsplit('-', 1)[-1]}"
    client("s3").create_bucket(Bucket=bucket)
    return S3Blobs(bucket, client("s3"))


@pytest.mark.parametrize("body", [b"", b"\x00\xff\r\n", b"x" * 1_000_000])
def test_a_body_comes_back_byte_for_byte(blobs: S3Blobs, body: bytes):
    for _ in range(2):
        blobs.put("acme/shop/2026/11/21/d-1", body, {})
    assert blobs.get("acme/shop/2026/11/21/d-1") == body


def test_a_body_nobody_stored_is_not_found(blobs: S3Blobs):
    with pytest.raises(NotFound):
        blobs.get("acme/nothing")
