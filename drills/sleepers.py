"""Thousands of sleeping cases: how long the first resume takes then, and with ten.

A handful of cases go the whole way until they sleep. One of them is copied, record by record, and each
copy's execution is started as recovery would start it: it observes a case that sleeps, and sleeps on.
"""

import json
import random
import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from drills.act import Act
from drills.crowd import Crowd, Errand, Wish
from drills.floor import Floor
from nightshift.ids import CaseId, execution_name, opaque
from nightshift.model.case import CaseInput

__all__ = ["Slept", "sleepers"]

_FEW: Final = 10
_AT_ONCE = 6  # each start is one invocation of the context function
_LOOK_EVERY_SECONDS = 0.005
_PATIENCE = 120.0


@dataclass(frozen=True)
class Slept:
    """What was measured.

    Attributes:
        few, many: how many cases slept.
        few_ms, many_ms: from the answered webhook to the case awake, each resume.
        fell_asleep_seconds: how long it took to put the many to sleep.
        threads, megabytes: what the local AWS then took.
    """

    few: int
    many: int
    few_ms: tuple[float, ...]
    many_ms: tuple[float, ...]
    fell_asleep_seconds: float
    threads: int
    megabytes: int

    @property
    def no_slower(self) -> bool:
        """Whether the first resume among the many was within what it took among the few, and noise."""
        return self.many_ms[0] <= 1.5 * max(self.few_ms) + 50

    def words(self) -> str:
        """One line."""
        few, many = statistics.median(self.few_ms), statistics.median(self.many_ms)
        return (
            f"first resume: {self.few_ms[0]:.0f} ms with {self.few} asleep, {self.many_ms[0]:.0f} ms with "
            f"{self.many} (medians {few:.0f} and {many:.0f}); {self.threads} threads, {self.megabytes} MB; "
            f"asleep after {self.fell_asleep_seconds:.0f} s"
        )


def sleepers(floor: Floor, many: int) -> Slept:
    """Measure with ten asleep, then with so many."""
    crowd = Crowd(floor, random.Random(0))
    act = Act(floor, crowd, random.Random(0), floor.say)
    try:
        return _measured(act, many)
    finally:
        crowd.go_home()


def _measured(act: Act, many: int) -> Slept:
    floor, crowd = act.floor, act.crowd
    crowd.asleep_for_good = True
    act.send(_FEW, wishes=(Wish.PHOTO,))
    act.until_sent()
    act.until("all to sleep", lambda: not list(crowd.at_work()), patience=_PATIENCE)
    cases = floor.cases()
    asleep = [(errand, crowd.cases_of(errand, cases)[0].id) for errand in crowd.errands]
    few_ms = tuple(_resumed(act, *each) for each in asleep[: _FEW // 2])
    act.say(f"{_FEW // 2} resumed with {_FEW} asleep")
    began = time.monotonic()
    _multiply(act, asleep[-1][1], many)
    seconds = time.monotonic() - began
    act.say(f"{many} asleep")
    many_ms = tuple(_resumed(act, *each) for each in asleep[_FEW // 2 :])
    threads, megabytes = _size(floor)
    return Slept(_FEW, many, few_ms, many_ms, seconds, threads, megabytes)


def _resumed(act: Act, errand: Errand, case: CaseId) -> float:
    """Milliseconds from the photo's answer to the case awake; then it may go on to its end."""
    if not act.crowd.send_photo(errand):
        message = f"the photo for {case} was not accepted"
        raise TimeoutError(message)
    began = time.monotonic()
    while _meta(act.floor, case)["status"]["S"] == "SLEEPING":
        if time.monotonic() - began > _PATIENCE:
            message = f"{case} did not wake"
            raise TimeoutError(message)
        time.sleep(_LOOK_EVERY_SECONDS)
    woken = (time.monotonic() - began) * 1000
    act.until("it to end", lambda: _meta(act.floor, case)["status"]["S"] == "CLOSED")
    return woken


def _meta(floor: Floor, case: CaseId) -> dict[str, Any]:
    key = {"pk": {"S": f"case#{case}"}, "sk": {"S": "meta"}}
    found = floor.aws("dynamodb").get_item(TableName=floor.settings["TABLE_CASES"], Key=key)
    item: dict[str, Any] = found["Item"]
    return item


def _multiply(act: Act, model: CaseId, many: int) -> None:
    floor = act.floor
    machine = floor.machine("case")
    pages = (
        floor.aws("dynamodb")
        .get_paginator("query")
        .paginate(
            TableName=floor.settings["TABLE_CASES"],
            KeyConditionExpression="pk = :case",
            ExpressionAttributeValues={":case": {"S": f"case#{model}"}},
        )
    )
    items = [item for page in pages for item in page["Items"]]

    def one(number: int) -> None:
        case = CaseId(opaque("case", "sleeper", str(number)))
        puts = [{"PutRequest": {"Item": item}} for item in _copied(items, model, case, number)]
        floor.aws("dynamodb").batch_write_item(RequestItems={floor.settings["TABLE_CASES"]: puts})
        given = CaseInput(case=case, generation=1, wake=int(_wake(items)))
        floor.aws("stepfunctions").start_execution(
            stateMachineArn=machine, name=execution_name(case, 1), input=given.model_dump_json()
        )
        began = time.monotonic()
        while "token" not in _meta(floor, case) and time.monotonic() - began < _PATIENCE:
            time.sleep(_LOOK_EVERY_SECONDS)

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for done, _ in enumerate(pool.map(one, range(many)), start=1):
            if done % 1000 == 0:
                act.say(f"{done} asleep")


def _copied(
    items: list[dict[str, Any]], model: CaseId, case: CaseId, number: int
) -> Iterator[dict[str, Any]]:
    subject = json.loads(_doc_of(items))["subject"]
    for item in items:
        text = json.dumps({key: value for key, value in item.items() if key != "token"})
        copy: dict[str, Any] = json.loads(text.replace(model, case).replace(subject, f"{subject}-{number}"))
        yield copy


def _doc_of(items: list[dict[str, Any]]) -> str:
    return next(str(item["doc"]["S"]) for item in items if item["sk"]["S"] == "meta")


def _wake(items: list[dict[str, Any]]) -> str:
    return next(str(item["wake"]["N"]) for item in items if item["sk"]["S"] == "meta")


def _size(floor: Floor) -> tuple[int, int]:
    """Threads and resident memory of the local AWS, where the system tells."""
    status = Path(f"/proc/{floor.shop.stack.pid}/status")
    if not status.is_file():
        return 0, 0
    fields = dict(line.split(":", 1) for line in status.read_text(encoding="utf-8").splitlines())
    return int(fields["Threads"]), int(fields["VmRSS"].split()[0]) // 1024
