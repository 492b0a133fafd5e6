"""Wait states."""

import time

from local.probes.kit import near, output_of, single


def test_wait_seconds() -> None:
    t0 = time.time()
    output_of(single({"Type": "Wait", "Seconds": 2}))
    assert near(time.time() - t0, 2)


def test_wait_seconds_path() -> None:
    t0 = time.time()
    output_of(single({"Type": "Wait", "SecondsPath": "$.s"}), {"s": 1})
    assert near(time.time() - t0, 1)


def test_wait_timestamp_path() -> None:
    ts = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3))
    t0 = time.time()
    output_of(single({"Type": "Wait", "TimestampPath": "$.t"}), {"t": ts})
    assert near(time.time() - t0, 2.5, within=1)


def test_wait_timestamp_past() -> None:
    t0 = time.time()
    output_of(single({"Type": "Wait", "Timestamp": "2020-01-01T00:00:00Z"}))
    assert near(time.time() - t0, 0)
