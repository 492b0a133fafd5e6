"""What an adapter's `adapter.toml` tells the stacks."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from stacks.layers import ROOT

__all__ = ["Adapter", "AdapterFileWrong", "adapters"]

_FOLDER = ROOT / "functions" / "adapters"
_NAME = re.compile(r"[a-z][a-z0-9]{1,30}")


class AdapterFileWrong(Exception):
    """An `adapter.toml` cannot be used; the message names file, field and fix."""


@dataclass(frozen=True, kw_only=True)
class Adapter:
    """One vendor.

    Args:
        name: of the folder, the functions and the vendor's secrets.
        concurrency: how many of its tools functions may run at once (`limits.concurrency`).
        hears: it has webhooks, because it knows `topics`.
        stores_tokens: its tools may write its channels' secrets, for the vendor changes tokens at use.
        sends_mail: its tools may send by SES and see what SES said of it.
    """

    name: str
    concurrency: int
    hears: bool = True
    stores_tokens: bool = False
    sends_mail: bool = False


def adapters(folder: Path = _FOLDER) -> tuple[Adapter, ...]:
    """Every adapter under `functions/adapters`, by name.

    Raises:
        AdapterFileWrong: says which field of which file is wrong.
    """
    return tuple(_read(file) for file in sorted(folder.glob("*/adapter.toml")))


def _read(file: Path) -> Adapter:
    try:
        found = tomllib.loads(file.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as exc:
        message = f"{file}: {exc}"
        raise AdapterFileWrong(message) from exc
    name = found.get("name")
    if name != file.parent.name or not _NAME.fullmatch(str(name)):
        message = f"{file}: `name` is {name!r}; write the folder's own name, lower case, no dashes"
        raise AdapterFileWrong(message)
    limits = found.get("limits")
    concurrency = limits.get("concurrency") if isinstance(limits, Mapping) else None
    if not isinstance(concurrency, int) or isinstance(concurrency, bool) or concurrency < 1:
        message = f"{file}: `limits.concurrency` is {concurrency!r}; write a whole number from 1"
        raise AdapterFileWrong(message)
    return Adapter(
        name=name,
        concurrency=concurrency,
        hears=_hears(file, found),
        stores_tokens=_flag(file, found, "stores_tokens"),
        sends_mail=_flag(file, found, "sends_mail"),
    )


def _hears(file: Path, found: Mapping[str, object]) -> bool:
    topics = found.get("topics")
    if not isinstance(topics, list):
        message = f"{file}: `topics` is {topics!r}; list what its webhooks say, or write [] if it has none"
        raise AdapterFileWrong(message)
    return bool(topics)


def _flag(file: Path, found: Mapping[str, object], name: str) -> bool:
    value = found.get(name, False)
    if not isinstance(value, bool):
        message = f"{file}: `{name}` is {value!r}; write true or false, or leave it out"
        raise AdapterFileWrong(message)
    return value
