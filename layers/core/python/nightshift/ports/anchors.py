"""Where anchors are kept and signed. The store is append-only: a key that is taken stays as it is."""

from datetime import datetime
from typing import Protocol

from nightshift.ids import TenantId
from nightshift.model.anchor import Anchor, Head, Kept, Place, Signature

__all__ = ["AnchorStore", "Anchors", "FingerPosts", "PublicKey", "Signer"]


class Signer(Protocol):
    """Signs with a key that never leaves its vault."""

    def sign(self, digest: bytes) -> Signature:
        """Sign a SHA-256 digest."""


class PublicKey(Protocol):
    """The public half of the signing key."""

    def pem(self) -> tuple[str, str]:
        """The key's name and its PEM."""


class AnchorStore(Protocol):
    """Writes anchors, one object per tenant and number."""

    def put_new(self, anchor: Anchor) -> Place | None:
        """Store an anchor under its number, if that is free; else tell what is there."""

    def place(self, tenant: TenantId, number: int) -> Place | None:
        """What stands under a number, or None."""


class Anchors(Protocol):
    """Reads anchors, with whatever was done to them."""

    def kept(self, tenant: TenantId, *, after: int, limit: int) -> tuple[Kept, ...]:
        """The anchors with numbers above `after`, in order, from the bucket alone, at most `limit`."""

    def stored_at(self, tenant: TenantId, number: int) -> datetime | None:
        """When the bucket took an anchor, by its own clock; None: there is none under that number."""


class FingerPosts(Protocol):
    """Hints where to look: they can be lost or wrong, and prove nothing."""

    def last(self, tenant: TenantId) -> Place | None:
        """The newest anchor of a tenant, as far as it is known."""

    def post(self, tenant: TenantId, place: Place, heads: tuple[Head, ...]) -> None:
        """Note that an anchor with these heads stands at a place, and that it is the newest."""

    def of_root(self, root: str) -> tuple[int, ...]:
        """The numbers of the anchors that hold heads of a case's streams, rising."""
