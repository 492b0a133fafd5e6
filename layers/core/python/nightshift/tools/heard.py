"""What a client heard from its vendor beside the answer itself, for the door to act on."""

from dataclasses import dataclass, field

__all__ = ["Heard"]

_SAMPLE_BYTES = 64_000


@dataclass(kw_only=True)
class Heard:
    """Kept by an adapter's client as its public attribute `heard`, one per client.

    `left` and `per_second` are what the vendor says of its rate budget (requests, or Shopify's points),
    `date` its clock (the `Date` header of its last answer), `wait` the seconds it asked to be left alone,
    `requests` how many were sent, `sample` the body of an answer whose shape nobody expected: it may hold
    personal data and goes nowhere but encrypted storage.
    """

    left: float | None = None
    per_second: float | None = None
    wait: float | None = None
    requests: int = 0
    date: str | None = None
    sample: bytes | None = field(default=None, repr=False)

    def sent(self) -> None:
        """One more request went out."""
        self.requests += 1

    def budget(self, *, left: float, per_second: float | None = None) -> None:
        """The vendor said how much of its budget is left, and how fast it comes back."""
        self.left, self.per_second = left, per_second if per_second is not None else self.per_second

    def asked_to_wait(self, seconds: float) -> None:
        """The vendor asked not to be called for so long."""
        self.wait = max(seconds, self.wait or 0.0)

    def unexpected(self, body: bytes) -> None:
        """An answer had a shape the client does not know; its first 64 kB are kept."""
        self.sample = body[:_SAMPLE_BYTES]
