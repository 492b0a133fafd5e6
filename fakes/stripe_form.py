"""Stripe's form encoding read back: `lines[0][type]=x` and `expand[]=y` as nested values."""

import re
from typing import Any
from urllib.parse import parse_qsl

__all__ = ["FormWrong", "decode"]

_PART = re.compile(r"\[([^\]]*)\]")


class FormWrong(Exception):
    """A form that no client writes."""


def decode(text: str) -> dict[str, Any]:
    """The nested values of a form or a query; lists come out as lists, everything else as text.

    Raises:
        FormWrong: brackets that do not close, or one name used in two ways.
    """
    found: dict[str, Any] = {}
    for name, value in parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text)):
        head, bracket, rest = name.partition("[")
        path = [head, *_PART.findall(bracket + rest)]
        if head + "".join(f"[{part}]" for part in path[1:]) != name:
            raise FormWrong(name)
        _put(found, path, value)
    return {name: _listed(value) for name, value in found.items()}


def _put(into: dict[str, Any], path: list[str], value: str) -> None:
    for part in path[:-1]:
        step = into.setdefault(part, {})
        if not isinstance(step, dict):
            raise FormWrong(part)
        into = step
    last = path[-1] or str(len(into))
    if last in into:
        raise FormWrong(last)
    into[last] = value


def _listed(value: Any) -> Any:  # noqa: ANN401  # JSON
    if not isinstance(value, dict):
        return value
    inner = {name: _listed(held) for name, held in value.items()}
    if inner and all(name.isdigit() for name in inner):
        return [inner[name] for name in sorted(inner, key=int)]
    return inner
