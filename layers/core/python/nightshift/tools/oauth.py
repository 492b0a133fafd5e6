"""Access tokens that do not last: asked of the vendor with a grant, and kept where all may use them.

Told apart by what the channel's secret holds:
- `client_id`, `client_secret` and no `access_token` (client credentials, RFC 6749 §4.4): each process asks
  for a token of its own and keeps it in memory until shortly before it expires; nothing is stored.
- `refresh_token` (§6) beside them: the vendor gives a new refresh token with each access token and may
  end the old one at once. So one process at a time refreshes (a turn taken by conditional write), and
  the new pair is stored in the secret before it is used.
  Where a vendor's refresh token stays as it is (`Adapter.refresh_lasts`), any process may use it at any
  time: each asks for a token of its own, as above, and nothing is stored.
A secret with an `access_token` and no `refresh_token` holds one that lasts: nothing is asked for it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from nightshift.clock import Clock
from nightshift.errors import Throttled
from nightshift.model.lane import Lane
from nightshift.model.tenant import Channel
from nightshift.ports.flow import Secrets
from nightshift.ports.limits import Limits

__all__ = ["Grant", "Granted", "Tokens", "granted_once"]

_TURN = "refresh"
_TURN_SECONDS = 30.0
_EARLY = timedelta(seconds=120)  # before it expires: longer than any call that begins with it
_AGAIN = 2.0


@dataclass(frozen=True, kw_only=True)
class Granted:
    """What the vendor granted; `expires_in` in seconds, a new `refresh_token` where it gave one."""

    access_token: str = field(repr=False)
    expires_in: float
    refresh_token: str | None = field(default=None, repr=False)


Grant = Callable[[Channel, dict[str, str]], Granted]
"""Asks the vendor's token endpoint with these form fields, in one request of the adapter's own client.

Raises wire errors; credentials that the endpoint does not know are `Misconfigured`, code `oauth.refused`.
"""


def granted_once(
    grant: Grant, channel: Channel, secret: dict[str, str], *, refresh_lasts: bool = False
) -> dict[str, str]:
    """The fields with an access token to try credentials with.

    A refresh token is left alone, for it ends by its use, unless it lasts.

    Raises:
        WireError: as the vendor's token endpoint answered.
    """
    if secret.get("access_token") or not secret.get("client_id"):
        return secret
    form = _form(secret, _own_grant(secret, refresh_lasts=refresh_lasts))
    return secret | {"access_token": grant(channel, form).access_token}


class Tokens:
    """The access tokens of one process."""

    def __init__(self, secrets: Secrets, limits: Limits, clock: Clock) -> None:
        self._secrets = secrets
        self._limits = limits
        self._clock = clock
        self._kept: dict[str, tuple[datetime, dict[str, str]]] = {}  # by secret: until when, its fields

    def fields(
        self,
        grant: Grant,
        lane: Lane,
        channel: Channel,
        secret: dict[str, str],
        *,
        refresh_lasts: bool = False,
    ) -> dict[str, str]:
        """The secret's fields with an `access_token` that lasts for this call.

        Raises:
            Throttled: another process is refreshing it, and the old one has expired.
            WireError: as the vendor's token endpoint answered.
        """
        if secret.get("refresh_token") and not refresh_lasts:
            return self._refreshed(grant, lane, channel, secret, refused=None)
        if secret.get("access_token") or not secret.get("client_id"):
            return secret
        return self._own(grant, channel, secret, refresh_lasts=refresh_lasts)

    def renewed(
        self,
        grant: Grant,
        lane: Lane,
        channel: Channel,
        used: dict[str, str],
        *,
        refresh_lasts: bool = False,
    ) -> dict[str, str]:
        """The same after the vendor refused `used`, which `fields` gave; unchanged where no grant helps.

        Raises:
            WireError: as `fields`.
        """
        secret = self._secrets.get(channel.secret_ref, fresh=True)
        if secret.get("refresh_token") and not refresh_lasts:
            return self._refreshed(grant, lane, channel, secret, refused=used.get("access_token"))
        if secret.get("access_token") or not secret.get("client_id"):
            return secret
        self._kept.pop(channel.secret_ref, None)
        return self._own(grant, channel, secret, refresh_lasts=refresh_lasts)

    def _own(
        self, grant: Grant, channel: Channel, secret: dict[str, str], *, refresh_lasts: bool
    ) -> dict[str, str]:
        now = self._clock.now()
        kept = self._kept.get(channel.secret_ref)
        of_this_secret = kept is not None and secret.items() <= kept[1].items()
        if kept is not None and of_this_secret and now < kept[0]:
            return kept[1]
        granted = grant(channel, _form(secret, _own_grant(secret, refresh_lasts=refresh_lasts)))
        fields = secret | {"access_token": granted.access_token}
        until = now + max(timedelta(seconds=granted.expires_in) - _EARLY, timedelta(0))
        self._kept[channel.secret_ref] = (until, fields)
        return fields

    def _refreshed(
        self, grant: Grant, lane: Lane, channel: Channel, secret: dict[str, str], *, refused: str | None
    ) -> dict[str, str]:
        now = self._clock.now()
        if self._lasts(secret, refused):
            return secret
        if not self._limits.hold(lane, _TURN, seconds=_TURN_SECONDS, now=now):
            return self._while_another_refreshes(channel, secret, refused)
        try:
            stored = self._secrets.get(channel.secret_ref, fresh=True)
            if self._lasts(stored, refused):
                return stored
            granted = grant(channel, _form(stored, "refresh_token"))
            fields = stored | {
                "access_token": granted.access_token,
                "refresh_token": granted.refresh_token or stored["refresh_token"],
                "expires_at": str(int(self._clock.now().timestamp() + granted.expires_in)),
            }
            self._secrets.put(channel.secret_ref, fields)
            return fields
        finally:
            self._limits.let_go(lane, _TURN)

    def _lasts(self, secret: dict[str, str], refused: str | None) -> bool:
        token = secret.get("access_token")
        return bool(token) and token != refused and self._clock.now() + _EARLY < _expires(secret)

    def _while_another_refreshes(
        self, channel: Channel, secret: dict[str, str], refused: str | None
    ) -> dict[str, str]:
        token = secret.get("access_token")
        if token and token != refused and self._clock.now() < _expires(secret):
            return secret
        message = f"the access token of channel {channel.id} is being refreshed"
        raise Throttled(message, code="oauth.refreshing", retry_after=_AGAIN)


def _expires(secret: dict[str, str]) -> datetime:
    try:
        return datetime.fromtimestamp(float(secret.get("expires_at", "0")), tz=UTC)
    except (ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(0, tz=UTC)


def _own_grant(secret: dict[str, str], *, refresh_lasts: bool) -> str:
    return "refresh_token" if refresh_lasts and secret.get("refresh_token") else "client_credentials"


def _form(secret: dict[str, str], grant_type: str) -> dict[str, str]:
    wanted = ("client_id", "client_secret") + (("refresh_token",) if grant_type == "refresh_token" else ())
    return {"grant_type": grant_type, **{name: secret.get(name, "") for name in wanted}}
