"""Personal fields of the action log: sealed with a data key that can be destroyed."""

from collections.abc import Mapping
from typing import Protocol

from nightshift.ids import TenantId
from nightshift.model.log import Sealed

__all__ = ["Sealing", "SubjectKeys"]


class Sealing(Protocol):
    """Seals and opens fields. `subject` is the root of a log stream: a case, or a run without one."""

    def seal(self, tenant: TenantId, subject: str, *, entry: str, fields: Mapping[str, str]) -> Sealed:
        """Seal the fields of the entry with the id `entry`; makes the subject's data key if it has none."""

    def unseal(self, tenant: TenantId, sealed: Sealed, *, entry: str) -> dict[str, str] | None:
        """The fields in clear; None when their data key was destroyed.

        Raises:
            BadInput: the key is there and the fields are not what it sealed for this entry.
        """


class SubjectKeys(Protocol):
    """Whose data keys there are. A key that was deleted comes back from nowhere."""

    def adopt(self, tenant: TenantId, customer: str, subject: str) -> None:
        """Note that a subject is a customer's, so that forgetting the customer finds its key."""

    def of_customer(self, tenant: TenantId, customer: str) -> tuple[str, ...]:
        """The subjects a customer adopted and that are not forgotten yet."""

    def forget(self, tenant: TenantId, subject: str) -> bool:
        """Destroy a subject's data key; False: it had none."""

    def disown(self, tenant: TenantId, customer: str, subject: str) -> None:
        """Remove the note that `adopt` made."""
