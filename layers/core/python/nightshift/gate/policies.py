"""Policies as they are written: TOML or JSON, checked against the model, with errors that name the field."""

import json
import tomllib
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import ValidationError

from nightshift.errors import BadInput
from nightshift.gate.rules import check_rules
from nightshift.model.policy import Policy

__all__ = ["parse_policy"]


def parse_policy(text: str) -> Policy:
    """Read a policy written in TOML, or in JSON as it is stored.

    Raises:
        BadInput: it is neither, or a field is missing, unknown or wrong, or a rule cannot be read; names
            the first such field.
    """
    written = _read(text)
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
    check_rules(policy)
    return policy


def _read(text: str) -> object:
    is_json = text.lstrip().startswith("{")
    try:
        found: object = json.loads(text) if is_json else tomllib.loads(text)
    except (json.JSONDecodeError, tomllib.TOMLDecodeError, RecursionError) as exc:
        said = "it is nested too deep" if isinstance(exc, RecursionError) else str(exc)
        problem = f"it is not {'JSON' if is_json else 'TOML'}: {said}"
        raise BadInput("policy", problem, "Mend the syntax there.") from exc
    return found
