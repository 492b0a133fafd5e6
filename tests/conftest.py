"""Fixtures shared by all tests: one emulator per worker, fresh tables per test, a clock that stands."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from _pytest.nodeid import NodeId

from tests.support import tables as table_support

if TYPE_CHECKING:
    from collections.abc import Iterator

os.environ.update(
    AWS_ACCESS_KEY_ID="test",
    AWS_SECRET_ACCESS_KEY="test",
    AWS_REGION="us-east-1",
    AWS_DEFAULT_REGION="us-east-1",
    POWERTOOLS_LOG_LEVEL="CRITICAL",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--guarantee", help="run only the tests that show this promise (tests/guarantees.py)")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    wanted = config.getoption("--guarantee")
    if wanted:
        items[:] = [i for i in items if any(m.args[:1] == (wanted,) for m in i.iter_markers("guarantee"))]
    if os.environ.get("PYTEST_XDIST_WORKER"):
        for item in items:
            _name_its_group(item)


def _name_its_group(item: pytest.Item) -> None:
    """Make `--dist loadgroup` keep a group on one worker, where its one installation runs.

    pytest-xdist 3.8 ends a test's id with its group by way of `_nodeid`, which pytest 9.2 does not read.
    """
    mark = item.get_closest_marker("xdist_group")
    if mark is not None and not item.nodeid.endswith(f"@{mark.args[0]}"):
        item._id = NodeId.parse(f"{item.nodeid}@{mark.args[0]}")


class FixedClock:
    """A clock that stands still until a test moves it."""

    def __init__(self, start: datetime = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)) -> None:
        self.at = start

    def now(self) -> datetime:
        return self.at

    def advance(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def endpoint() -> Iterator[str]:
    """The service emulator alone (DynamoDB, SQS, S3, …), without our Lambda and state machine seams."""
    port = free_port()
    env = {
        **os.environ,
        "GATEWAY_PORT": str(port),
        "BIND_HOST": "127.0.0.1",
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "TZ": "UTC",
    }
    command = [str(Path(sys.executable).parent / "ministack")]
    process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.05)
    url = f"http://127.0.0.1:{port}"
    os.environ["AWS_ENDPOINT_URL"] = url
    yield url
    process.send_signal(signal.SIGTERM)
    process.wait(10)


@pytest.fixture
def tables(endpoint: str) -> table_support.Tables:
    """Fresh tables, named for this test alone."""
    from nightshift.aws.client import client  # noqa: PLC0415  # after the endpoint is known

    del endpoint
    return table_support.create(client("dynamodb"), uuid.uuid4().hex[:10])


@pytest.fixture(scope="session", autouse=True)
def official_schema() -> Iterator[None]:
    """Every request that any test sends to a stand-in shop or account is judged by official schemas."""
    from tests.adapters.official import watched  # noqa: PLC0415  # graphql is imported when tests run
    from tests.adapters.official_amazon import watched_amazon  # noqa: PLC0415  # so is jsonschema
    from tests.adapters.official_ebay import watched_ebay  # noqa: PLC0415  # so is jsonschema
    from tests.adapters.official_stripe import watched_stripe  # noqa: PLC0415  # so is jsonschema

    with watched() as judge, watched_stripe() as stripe, watched_amazon() as amazon, watched_ebay() as ebay:
        yield
    assert judge.problems == [], "requests that Shopify's schema does not allow"
    assert stripe.problems == [], "requests or answers that Stripe's specification does not allow"
    assert amazon.problems == [], "requests or answers that Amazon's models do not allow"
    assert ebay.problems == [], "requests or answers that eBay's specifications do not allow"
