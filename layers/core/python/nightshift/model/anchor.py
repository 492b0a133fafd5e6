"""Anchors: signed statements of how far the log's chains had come, kept outside the log."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from nightshift.ids import CaseId, TenantId
from nightshift.model.base import Document, Noun
from nightshift.model.log import StoredEntry

__all__ = [
    "Anchor",
    "AnchorKey",
    "AnchorPage",
    "EntryPage",
    "Head",
    "Kept",
    "Place",
    "ProofPage",
    "Proven",
    "RootPage",
    "Seal",
    "Signature",
]


class Head(Noun):
    """The entry that a chain had come to; its hash covers every entry before it."""

    stream: str
    seq: int = Field(ge=1)
    hash: str


class Seal(Document):
    """What is signed: an anchor's place among its tenant's anchors, and the root of its heads.

    `number` counts from 1 without a gap; `prev` is the digest of the seal before it (64 zeros for the
    first); `root` is the Merkle root (RFC 6962) over the `count` heads in their order.
    """

    tenant: TenantId
    number: int = Field(ge=1)
    at: datetime
    prev: str
    root: str
    count: int = Field(ge=1)


class Signature(Noun):
    """ECDSA over P-256 and SHA-256 of the seal's canonical form: DER as base64; `key` names the signer's."""

    key: str
    value: str


class Anchor(Document):
    """One object in the anchor bucket."""

    seal: Seal
    signature: Signature
    heads: tuple[Head, ...]


class Place(Noun):
    """Where a tenant's anchors have come to; `root` tells one batch from another."""

    number: int = Field(ge=0)
    digest: str
    root: str = ""


class Proven(Noun):
    """One head with the way from it to the root of a signed seal: the other heads need not be shown."""

    seal: Seal
    signature: Signature
    head: Head
    index: int = Field(ge=0)
    path: tuple[str, ...]


class Kept(Noun):
    """What the bucket holds under one number: the oldest version, and what was done to it since.

    `hidden`: a delete marker lies over it. `written_over`: it has later versions.
    """

    number: int
    anchor: Anchor | None = Field(description="None: it is not an anchor")
    hidden: bool = False
    written_over: bool = False


class AnchorKey(Noun):
    """The public half of the key that signs anchors; what an auditor keeps."""

    tenant: TenantId
    key: str
    algorithm: Literal["ECDSA_SHA_256"] = "ECDSA_SHA_256"
    pem: str


class AnchorPage(Noun):
    """A tenant's anchors by number; `after` asks for the next page, None: there is no more."""

    anchors: tuple[Kept, ...]
    after: int | None


class RootPage(Noun):
    """What a tenant's log is about, cases newest first; `before` asks for more, None: there is no more."""

    roots: tuple[str, ...]
    before: datetime | None


class EntryPage(Noun):
    """All entries of some roots' streams, each stream in its order; `done` names the roots that are whole."""

    done: tuple[str, ...]
    entries: tuple[StoredEntry, ...]


class ProofPage(Noun):
    """What anchors say of one case's streams."""

    case: CaseId
    proofs: tuple[Proven, ...]
