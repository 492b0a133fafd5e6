"""Policies as they are written: TOML, checked against the model, with errors that name the field."""

import tomllib
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import ValidationError

from nightshift.errors import BadInput
from nightshift.model.policy import Policy

__all__ = ["parse_policy"]


def parse_policy(text: str) -> Policy:
    """Read a policy written in TOML.

    Raises:
        BadInput: it is no TOML, or a field is missing, unknown or wrong; names the first such field.
    """
    try:
        written = tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        raise BadInput("policy", f"it is not TOML: {exc}", "Mend the syntax there.") from exc
    try:
        policy = Policy.model_validate(written)
    except ValidationError as exc:
        first = exc.errors(include_url=False, include_input=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "tiers"
        others = f" ({exc.error_count() - 1} more after it)" if exc.error_count() > 1 else ""
        raise BadInput(field, first["msg"], f"Write it as policies/default.toml does{others}.") from exc
    try:
        ZoneInfo(policy.timezone)
    except (ZoneInfoNotFoundError, ValueError) as exc:
        fix = "Name one of the IANA database, e.g. Europe/Berlin."
        raise BadInput("timezone", f"there is no time zone {policy.timezone!r}", fix) from exc
    return policy
