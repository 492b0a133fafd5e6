"""A webhook from a file, signed as its vendor signs."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from pydantic import Field, JsonValue, ValidationError

from nightshift.cli.profile import ChannelKey, Profile
from nightshift.errors import BadInput
from nightshift.ids import body_digest, opaque
from nightshift.model.base import Noun

__all__ = ["Request", "Signed", "read", "sign"]

_MOST_BYTES = 5_000_000


class Request(Noun):
    """What a file says: which channel, which topic, what body.

    `delivery` is the vendor's id of the delivery; by default it is derived from the content, so that
    the same file sent again is the same delivery again.
    """

    adapter: str = Field(pattern=r"^[a-z][a-z0-9_-]{0,39}$")
    tenant: str = Field(min_length=1, max_length=64)
    channel: str = Field(min_length=1, max_length=64)
    topic: str = ""
    delivery: str = Field(default="", max_length=200)
    headers: dict[str, str] = Field(default_factory=dict)
    body: JsonValue


class Signed(Noun):
    """A request ready to post."""

    path: str
    headers: dict[str, str]
    body: bytes


def read(file: Path) -> Request:
    """The request in a file.

    Raises:
        BadInput: names the field that is missing or wrong.
    """
    try:
        raw = file.read_bytes()
    except OSError as exc:
        raise BadInput("FILE", f"{file} cannot be read", "Name a JSON file.") from exc
    if len(raw) > _MOST_BYTES:
        raise BadInput("FILE", f"it has {len(raw)} bytes", f"At most {_MOST_BYTES} are sent.")
    try:
        return Request.model_validate(json.loads(raw))
    except ValidationError as exc:
        first = exc.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "FILE"
        fix = 'Write {"adapter", "tenant", "channel", "topic", "body"}.'
        raise BadInput(field, first["msg"].lower(), fix) from exc
    except ValueError as exc:
        raise BadInput("FILE", f"{file} is not JSON", "See demo/examples for how one looks.") from exc


def sign(request: Request, profile: Profile, at: datetime) -> Signed:
    """The request as the vendor would send it at an instant.

    Raises:
        BadInput: the profile has no key of the channel, or nobody knows how the vendor signs.
    """
    signer = _SIGNERS.get(request.adapter)
    if signer is None:
        known = ", ".join(sorted(_SIGNERS))
        raise BadInput("adapter", f"nobody knows how {request.adapter} signs", f"One of: {known}.")
    key = profile.channel(request.adapter, request.tenant, request.channel)
    body = json.dumps(request.body, ensure_ascii=False).encode()
    delivery = request.delivery or opaque("dlv", request.channel, request.topic, body_digest(body))
    headers = {"content-type": "application/json", **signer(key, request.topic, delivery, body, at)}
    return Signed(
        path=f"/webhooks/{request.adapter}/{request.tenant}/{request.channel}",
        headers=headers | {name.lower(): value for name, value in request.headers.items()},
        body=body,
    )


def _shopify(key: ChannelKey, topic: str, delivery: str, body: bytes, _: datetime) -> dict[str, str]:
    mac = hmac.new(key.secret.encode(), body, hashlib.sha256).digest()
    return {
        "x-shopify-hmac-sha256": base64.b64encode(mac).decode(),
        "x-shopify-topic": topic,
        "x-shopify-shop-domain": key.account,
        "x-shopify-webhook-id": delivery,
        "x-shopify-event-id": delivery,
        "x-shopify-api-version": "2026-07",
    }


def _contact(key: ChannelKey, _: str, delivery: str, body: bytes, at: datetime) -> dict[str, str]:
    stamp = str(int(at.timestamp()))
    mac = hmac.new(key.secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return {
        "x-nightshift-signature": f"v1={mac}",
        "x-nightshift-timestamp": stamp,
        "x-nightshift-delivery": delivery,
        "x-nightshift-account": key.account,
    }


_Signer = Callable[[ChannelKey, str, str, bytes, datetime], dict[str, str]]
_SIGNERS: dict[str, _Signer] = {"shopify": _shopify, "contact": _contact}
