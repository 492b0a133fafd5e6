"""Where the API is and who asks: from options, the environment or a profile file.

`make run` writes `.local/profile.json` for its demo shop; a person's own stands in
`~/.config/nightshift/profile.json`. The keys of `channels` sign what `nightshift send` posts, so they
belong into a local demo's profile only.
"""

import json
from pathlib import Path

from pydantic import Field, ValidationError

from nightshift.errors import BadInput
from nightshift.model.base import Noun

__all__ = ["SEARCHED", "ChannelKey", "Profile", "find"]

SEARCHED = (Path(".local/profile.json"), Path("~/.config/nightshift/profile.json"))


class ChannelKey(Noun):
    """What it takes to send one channel's webhooks as its vendor would."""

    adapter: str
    tenant: str
    channel: str
    account: str
    secret: str = Field(repr=False)


class Profile(Noun):
    """One installation as one person sees it.

    Args:
        api: base URL of the HTTP API, without a slash at its end.
        token: the signed identity used unless another person is named.
        people: tokens of other people, by staff id (local demo).
        channels: signing keys (local demo).
    """

    api: str = ""
    token: str = Field(default="", repr=False)
    people: dict[str, str] = Field(default_factory=dict, repr=False)
    channels: tuple[ChannelKey, ...] = ()

    def token_of(self, person: str | None) -> str:
        """The token of a person, or the profile's own.

        Raises:
            BadInput: nobody of that name is in the profile.
        """
        if person is None:
            return self.token
        if person not in self.people:
            known = ", ".join(sorted(self.people)) or "nobody"
            raise BadInput("--as", f"the profile has no token of {person}", f"It knows: {known}.")
        return self.people[person]

    def channel(self, adapter: str, tenant: str, channel: str) -> ChannelKey:
        """The key of one channel.

        Raises:
            BadInput: the profile has none.
        """
        for key in self.channels:
            if (key.adapter, key.tenant, key.channel) == (adapter, tenant, channel):
                return key
        known = ", ".join(f"{k.adapter}/{k.tenant}/{k.channel}" for k in self.channels) or "none"
        problem = f"the profile has no signing key of {adapter}/{tenant}/{channel}"
        raise BadInput("channel", problem, f"It has: {known}. `make run` writes the demo's.")


def find(given: Path | None) -> Profile:
    """The profile in a named file, else in the first of the usual places, else an empty one.

    Raises:
        BadInput: the file is missing or not a profile.
    """
    places = [given] if given else [place.expanduser() for place in SEARCHED]
    for place in places:
        if place.is_file():
            return _read(place)
    if given:
        raise BadInput("--profile", f"{given} is not a file", "Name a JSON file with `api` and `token`.")
    return Profile()


def _read(place: Path) -> Profile:
    try:
        return Profile.model_validate(json.loads(place.read_text(encoding="utf-8")))
    except (ValueError, ValidationError) as exc:
        raise BadInput(
            str(place), "it is not a profile", "It is a JSON object with `api` and `token`."
        ) from exc
