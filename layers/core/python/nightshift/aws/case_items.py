"""A case as an item: `doc` is the case as it was opened, attributes are what became of it since.

Attributes are authoritative and no field changes in `doc` after the opening, so that writers who do not
know one another (dispatcher, observe, the Sleep state) change one attribute each and never overwrite.
"""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from nightshift.aws.items import item, key, number, text
from nightshift.model.case import Case, CaseStatus, Lock, Signal

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

__all__ = [
    "NOT_WATCHED",
    "OPEN_GRACE",
    "SLEEP_GRACE",
    "WATCHED",
    "alias_key",
    "case_from",
    "case_item",
    "case_key",
    "change",
    "lock_change",
    "moved",
    "open_key",
    "signal_set",
    "time",
    "watch",
]

_NUMBERS = ("inbox_seq", "seen_seq", "generation", "wake")
_TEXTS = ("status", "customer", "intent", "token", "handoff_reason", "last_run")
_TIMES = ("deadline", "updated_at", "closed_at", "restarted_at")

OPEN_GRACE = timedelta(minutes=5)
"""A case at work is looked after when it has begun nothing for so long."""
SLEEP_GRACE = timedelta(minutes=5)
"""A sleeping case is looked after when its deadline is so long past."""
_WATCH = "all"
WATCHED = "#alive_of = :alive, #due = :due"
"""The assignments that have a case looked after from `:due` on; `watch` gives their values."""
NOT_WATCHED = "#alive_of, #due"
"""What is removed when no execution has to drive a case any more."""


def case_key(case: str) -> str:
    """The partition of one case."""
    return f"case#{case}"


def open_key(tenant: str, subject: str) -> "dict[str, AttributeValueTypeDef]":
    """The item that says which case a subject has."""
    return key(f"open#{tenant}#{subject}", "open")


def alias_key(tenant: str, channel: str, name: str) -> "dict[str, AttributeValueTypeDef]":
    """The item that says which subject a name stands for."""
    return key(f"alias#{tenant}#{channel}#{name}", "alias")


def time(at: datetime) -> "AttributeValueTypeDef":
    """An instant as a string attribute that sorts."""
    return text(at.isoformat())


def signal_set(signals: tuple[Signal, ...]) -> "AttributeValueTypeDef":
    """Signals as a string set: adding one twice changes nothing."""
    return {"SS": sorted({signal.model_dump_json() for signal in signals})}


def moved(wake: int, moves: tuple[str, ...]) -> "AttributeValueTypeDef":
    """Moves of one wake as a string set that sorts by wake."""
    return {"SS": sorted({f"{wake:06}:{move}" for move in moves})}


def watch(due: datetime) -> dict[str, "AttributeValueTypeDef"]:
    """The values of `WATCHED`."""
    return {":alive": text(_WATCH), ":due": number(int(due.timestamp()))}


def lock_change(reason: str, at: datetime) -> tuple[str, dict[str, "AttributeValueTypeDef"]]:
    """The assignments (and their values) that lock a case; the first reason stands."""
    assignments = (
        "#locked = if_not_exists(#locked, :lock_reason), #locked_at = if_not_exists(#locked_at, :lock_at)"
    )
    return assignments, {":lock_reason": text(reason), ":lock_at": time(at)}


def case_item(case: Case) -> dict[str, "AttributeValueTypeDef"]:
    """The item of a case at its opening."""
    fields = {name: number(getattr(case, name)) for name in _NUMBERS}
    fields |= {name: text(value) for name in _TEXTS if (value := getattr(case, name)) is not None}
    fields |= {name: time(value) for name in _TIMES if (value := getattr(case, name)) is not None}
    if case.lock is not None:
        fields |= {"locked": text(case.lock.reason), "locked_at": time(case.lock.at)}
    if case.signals:
        fields["signals"] = signal_set(case.signals)
    if case.status in {CaseStatus.OPEN, CaseStatus.SLEEPING}:
        due = case.updated_at + OPEN_GRACE if case.deadline is None else case.deadline + SLEEP_GRACE
        fields |= {"alive_of": text(_WATCH), "due": watch(due)[":due"]}
    return item(
        case_key(case.id), "meta", case, tenant=text(case.tenant), opened=time(case.opened_at), **fields
    )


def case_from(stored: Mapping[str, Any]) -> Case:
    """The case of an item, as it stands now."""
    now: dict[str, Any] = {name: stored[name]["N"] for name in _NUMBERS}
    now |= {name: stored[name]["S"] if name in stored else None for name in (*_TEXTS, *_TIMES)}
    now["restarts"] = stored.get("restarts", {}).get("N", 0)
    now |= {"woken": stored["woken"]["S"]} if "woken" in stored else {}
    if "locked" in stored:
        now["lock"] = Lock.model_validate({"reason": stored["locked"]["S"], "at": stored["locked_at"]["S"]})
    signals = sorted(stored.get("signals", {}).get("SS", ()))
    now["signals"] = tuple(Signal.model_validate_json(signal) for signal in signals)
    moves = sorted(stored.get("moves", {}).get("SS", ()))
    now["moves"] = tuple(move.partition(":")[2] for move in moves)
    now["sleep_events"] = tuple(kind["S"] for kind in stored.get("sleep_events", {}).get("L", ()))
    opened = Case.model_validate_json(stored["doc"]["S"])
    return Case.model_validate(dict(opened) | now)


def change(expression: str, condition: str, values: dict[str, "AttributeValueTypeDef"]) -> dict[str, Any]:
    """An update's parameters; every attribute is written `#name`, so that no word is reserved."""
    names = {f"#{name}": name for name in re.findall(r"#(\w+)", f"{expression} {condition}")}
    return {
        "UpdateExpression": expression,
        "ConditionExpression": condition,
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": values,
    }
