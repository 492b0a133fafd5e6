"""The key that signs staff identities."""

from nightshift.aws.client import client
from nightshift.aws.secrets import ManagedSecrets
from nightshift.clock import Clock
from nightshift.errors import Misconfigured

__all__ = ["identity_key"]

_KEY = "key"


def identity_key(ref: str, clock: Clock) -> str:
    """The key that signs staff identities.

    Raises:
        Misconfigured: the secret is missing, may not be read or has no `key`.
    """
    fields = ManagedSecrets(client("secretsmanager"), clock).get(ref)
    if not fields.get(_KEY):
        message = f"the secret {ref} must have the field {_KEY}"
        raise Misconfigured(message, code="secret.shape")
    return fields[_KEY]
