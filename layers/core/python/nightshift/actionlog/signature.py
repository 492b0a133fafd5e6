"""Checking an anchor's signature with the public key alone."""

import base64
import binascii
import re
from typing import TYPE_CHECKING

from nightshift.actionlog.anchor import digest_of
from nightshift.actionlog.proof import SignatureCheck
from nightshift.errors import BadInput
from nightshift.model.anchor import Seal, Signature

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

__all__ = ["checker"]

_PEM = re.compile(r"-----BEGIN PUBLIC KEY-----.*?-----END PUBLIC KEY-----", re.DOTALL)
_FIX = "Export it with `nightshift log key`, once, and keep the file."


def checker(pem: str) -> SignatureCheck:
    """A check against the P-256 public keys in a PEM file: one, or several after the key was replaced.

    Raises:
        BadInput: there is none in it, or one of another kind.
    """
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415  # only who verifies pays for it
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec, utils  # noqa: PLC0415

    keys = _keys(pem)
    algorithm = ec.ECDSA(utils.Prehashed(hashes.SHA256()))

    def signed(seal: Seal, signature: Signature) -> bool:
        try:
            value = base64.b64decode(signature.value, validate=True)
        except binascii.Error:
            return False
        digest = bytes.fromhex(digest_of(seal))
        for key in keys:
            try:
                key.verify(value, digest, algorithm)
            except InvalidSignature:
                continue
            return True
        return False

    return signed


def _keys(pem: str) -> "list[EllipticCurvePublicKey]":
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import load_pem_public_key  # noqa: PLC0415

    keys: list[ec.EllipticCurvePublicKey] = []
    for found in _PEM.findall(pem):
        try:
            key = load_pem_public_key(found.encode())
        except ValueError as exc:
            raise BadInput("key", "it is not a public key in PEM form", _FIX) from exc
        if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
            raise BadInput("key", "it is not a key of the curve P-256", _FIX)
        keys.append(key)
    if not keys:
        raise BadInput("key", "there is no public key in PEM form in it", _FIX)
    return keys
