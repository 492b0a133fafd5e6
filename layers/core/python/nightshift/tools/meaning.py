"""What a vendor's answer means, as data: one wire error for a read, one for a write.

An answer that leaves open whether something happened is `Retryable` for a read and `OutcomeUnknown` for
a write; an adapter's table of statuses is made of these.
"""

from dataclasses import dataclass
from typing import NoReturn, Self

from nightshift.errors import Misconfigured, OutcomeUnknown, Retryable, Throttled, WireError

__all__ = ["DROPPED", "OUR_FAULT", "SLOW_DOWN", "TIMEOUT", "TROUBLE", "UNREACHED", "Meaning", "seconds"]

_DEFAULT_WAIT = 2.0


@dataclass(frozen=True, kw_only=True)
class Meaning:
    """What an answer means for a read and for a write, with its code and a phrase after the vendor's name."""

    read: type[WireError]
    write: type[WireError]
    code: str
    says: str

    @classmethod
    def both(cls, error: type[WireError], code: str, says: str) -> Self:
        """The same for reads and writes: it is known that nothing happened."""
        return cls(read=error, write=error, code=code, says=says)

    @classmethod
    def unclear(cls, code: str, says: str) -> Self:
        """A write may have happened; a read may be tried again."""
        return cls(read=Retryable, write=OutcomeUnknown, code=code, says=says)

    def fail(
        self,
        who: str,
        *,
        writes: bool,
        what: str = "",
        retry_after: float | None = None,
        cause: Exception | None = None,
    ) -> NoReturn:
        """Raise what it means.

        Args:
            who: the vendor, as the message begins.
            writes: whether the request could have changed something.
            what: the operation, for the message.
            retry_after: seconds the vendor asked for; a throttled call without one waits two.
            cause: what was caught.
        """
        error = self.write if writes else self.read
        if error is Throttled and retry_after is None:
            retry_after = _DEFAULT_WAIT
        message = f"{who} {self.says}{f' ({what})' if what else ''}"
        raise error(message, code=self.code, retry_after=retry_after) from cause


TROUBLE = Meaning.unclear("vendor.trouble", "is in trouble")
TIMEOUT = Meaning.unclear("vendor.timeout", "did not answer in time")
DROPPED = Meaning.unclear("vendor.dropped", "broke off before it answered")
UNREACHED = Meaning.both(Retryable, "vendor.unreached", "could not be reached")
SLOW_DOWN = Meaning.both(Throttled, "vendor.throttled", "asks to slow down")
OUR_FAULT = Meaning.both(Misconfigured, "vendor.request", "does not understand the request")


def seconds(header: object) -> float | None:
    """The seconds of a `Retry-After` header, or None where it holds none."""
    try:
        return max(0.0, float(str(header)))
    except ValueError:
        return None
