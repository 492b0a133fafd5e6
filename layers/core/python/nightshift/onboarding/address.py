"""Where a channel may reach out to, and which mail may come in there."""

import ipaddress
import re
from fnmatch import fnmatchcase
from urllib.parse import SplitResult, urlsplit

from nightshift.errors import BadInput
from nightshift.model.adapter import AdapterSpec

__all__ = ["base_url", "mailbox", "mailboxes"]

_ANY = "*"
_HOST = re.compile(r"(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]")
_MAILBOX = re.compile(r"(?=.{3,254}$)[a-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?P<host>[a-z0-9.-]+)")
# Names that never belong to a store on the internet (RFC 2606, 6761, 6762, 8375, 9476).
_INTERNAL = (".internal", ".local", ".localhost", ".localdomain", ".home.arpa", ".arpa", ".lan", ".corp",
             ".home", ".intranet", ".private", ".test", ".invalid", ".example", ".onion", ".alt")  # fmt: skip


def base_url(spec: AdapterSpec, given: str, account: str, *, internal: frozenset[str]) -> str:
    """The address that a channel's adapter will ask, checked; the vendor's usual one where none is given.

    Only HTTPS to a public name that fits the adapter's `hosts`: no address literal, no other port's
    service, no user or query. Hosts in `internal` are let through as they are.

    Raises:
        BadInput: `base_url` cannot be used.
    """
    written = given.strip() or spec.default_base_url.replace("{account}", account)
    if not written:
        if not spec.hosts:
            return ""
        raise BadInput("base_url", "it is missing", f"Give the https address of {account}.")
    parts = _split(written)
    host = (parts.hostname or "").lower()
    if host in internal:
        return written.rstrip("/")
    if parts.scheme != "https" or parts.port not in {None, 443}:
        raise BadInput("base_url", "it is not https on its usual port", "Write https://, without a port.")
    _check_host(spec, host)
    return f"https://{host}{parts.path.rstrip('/')}"


def _split(written: str) -> SplitResult:
    fix = "Write it as https://store.example.com, without a user, a query or a fragment."
    try:
        parts = urlsplit(written)
        _ = parts.port
    except ValueError as exc:
        raise BadInput("base_url", "it is not a web address", fix) from exc
    extra = parts.username or parts.password or parts.query or parts.fragment
    if not parts.hostname or extra or not written.isprintable() or set(written) & set(" \\@"):
        raise BadInput("base_url", "it is not a plain web address", fix)
    return parts


def _check_host(spec: AdapterSpec, host: str) -> None:
    if _is_address(host) or not _HOST.fullmatch(host) or host.endswith(_INTERNAL):
        problem = "its host is not a public name"
        raise BadInput("base_url", problem, "Name the store's host as customers see it.")
    if not any(pattern == _ANY or _fits(host, pattern) for pattern in spec.hosts):
        hosts = ", ".join(spec.hosts)
        raise BadInput("base_url", f"{spec.name} is not asked at {host}", f"Its hosts are: {hosts}.")


def _fits(host: str, pattern: str) -> bool:
    """Whether a host is what a pattern means, label by label: `*` stands for one."""
    labels, wanted = host.split("."), pattern.split(".")
    return len(labels) == len(wanted) and all(map(fnmatchcase, labels, wanted))


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def mailbox(field: str, given: str) -> str:
    """A mail address as it is compared: trimmed, in lower case.

    Raises:
        BadInput: it is not one.
    """
    lowered = given.strip().lower()
    found = _MAILBOX.fullmatch(lowered)
    if found is None or not _HOST.fullmatch(found["host"]) or ".." in lowered:
        raise BadInput(field, "it is not a mail address", "Write it as support@store.example.")
    if "+" in lowered:
        fix = "Leave the + and what follows out: what stands there comes in all the same."
        raise BadInput(field, "a + in a mail address is ours, for the conversation", fix)
    return lowered


def mailboxes(spec: AdapterSpec, account: str, given: tuple[str, ...]) -> tuple[str, ...]:
    """All mail addresses of a channel: its account, where the adapter receives mail, and the others.

    Raises:
        BadInput: one of them is no address, or the adapter receives no mail.
    """
    if not spec.addresses:
        if given:
            raise BadInput("addresses", f"{spec.name} receives no mail", "Leave them out.")
        return ()
    all_of_them = [mailbox("account", account)]
    all_of_them += [mailbox(f"addresses.{index}", each) for index, each in enumerate(given)]
    return tuple(dict.fromkeys(all_of_them))
