"""The verdict of a drill: every case against the vendors' own books and against its log."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.table import Table

from drills.crowd import Crowd, Errand
from drills.floor import CaseLook, Floor
from nightshift.actionlog.chain import verify
from nightshift.aws.log import DynamoActionLog
from nightshift.model.log import EntryKind, LogEntry

__all__ = ["Verdict", "judge", "show", "total"]


@dataclass
class Verdict:
    """What became of the cases that were accepted. `ok`: none is in any of the bad lists, all claims hold.

    Attributes:
        accepted: first messages that were answered 200.
        refused: messages the vendor gave up to deliver; not accepted, so not lost.
        closed, with_person, asleep: how the accepted ones ended.
        reasons: why people have them.
        lost: accepted, but there is no case.
        stuck: the case is neither closed, nor with a person, nor rightly asleep.
        doubled: the vendor's books show an effect twice.
        wrong: closed, but the books do not show what it was closed for.
        unrecorded: the books and the case's log differ about what was done, and nobody was told.
        broken: a log whose chain does not verify.
        claims: what else the drill checks.
    """

    name: str
    accepted: int = 0
    refused: int = 0
    closed: int = 0
    with_person: int = 0
    asleep: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    unrecorded: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    claims: list[tuple[str, bool]] = field(default_factory=list)
    kills: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether the drill was passed."""
        bad = (self.lost, self.stuck, self.doubled, self.wrong, self.unrecorded, self.broken)
        return not any(bad) and all(holds for _, holds in self.claims)

    def problems(self) -> list[str]:
        """Everything that speaks against it, in words."""
        kinds = ("lost", "stuck", "doubled", "wrong", "unrecorded", "broken")
        found = [f"{kind}: {one}" for kind in kinds for one in getattr(self, kind)]
        return found + [f"does not hold: {claim}" for claim, holds in self.claims if not holds]


def judge(name: str, floor: Floor, crowd: Crowd) -> Verdict:
    """Look at every errand once more."""
    verdict = Verdict(name, kills=dict(floor.kills))
    cases = floor.cases()
    log = DynamoActionLog(floor.settings["TABLE_LOG"], floor.aws("dynamodb"))
    for errand in crowd.errands:
        if not errand.accepted:
            verdict.refused += 1
            continue
        verdict.accepted += 1
        _judge_one(verdict, floor, errand, crowd.cases_of(errand, cases), log, crowd)
    return verdict


def total(verdicts: list[Verdict]) -> Verdict:
    """All of them as one."""
    whole = Verdict("all rounds")
    for verdict in verdicts:
        for name in ("accepted", "refused", "closed", "with_person", "asleep", "seconds"):
            setattr(whole, name, getattr(whole, name) + getattr(verdict, name))
        for name in ("lost", "stuck", "doubled", "wrong", "unrecorded", "broken", "claims"):
            getattr(whole, name).extend(getattr(verdict, name))
        whole.reasons.update(verdict.reasons)
        whole.kills = dict(Counter(whole.kills) + Counter(verdict.kills))
    return whole


def _judge_one(
    verdict: Verdict,
    floor: Floor,
    errand: Errand,
    cases: list[CaseLook],
    log: DynamoActionLog,
    crowd: Crowd,
) -> None:
    label = f"{errand.order.name} ({errand.wish})"
    _count(verdict, label, errand, cases, asleep_is_right=crowd.asleep_for_good and errand.photo is None)
    refunds, replies = _made(floor, errand)
    if len(refunds) > 1:
        verdict.doubled.append(f"{label}: {len(refunds)} refunds")
    twice = [template for template, times in Counter(replies.values()).items() if times > 1]
    verdict.doubled += [f"{label}: {template} was sent twice" for template in twice]
    if [case.status for case in cases] == ["CLOSED"] and list(refunds.values()) != _wanted(errand):
        verdict.wrong.append(f"{label}: closed, refunded {list(refunds.values())}, wanted {_wanted(errand)}")
    entries = [entry for case in cases for entry in log.of_case(case.id)]
    _compare(verdict, label, set(refunds) | set(replies), entries, cases)
    for case in cases:
        verdict.broken += [f"{label}: {problem}" for problem in _chains(entries, case)]


def _count(
    verdict: Verdict, label: str, errand: Errand, cases: list[CaseLook], *, asleep_is_right: bool
) -> None:
    if not cases:
        verdict.lost.append(f"{label} of {errand.conversation}")
    for case in cases:
        match case.status:
            case "CLOSED":
                verdict.closed += 1
            case "WITH_PERSON":
                verdict.with_person += 1
                verdict.reasons[case.reason] += 1
            case "SLEEPING" if asleep_is_right:
                verdict.asleep += 1
            case status:
                verdict.stuck.append(f"{label}: {case.id} is {status} in generation {case.generation}")


def _wanted(errand: Errand) -> list[str]:
    return [errand.refund] if errand.refund else []


def _made(floor: Floor, errand: Errand) -> tuple[dict[str, str], dict[str, str]]:
    """Refunds and replies in the vendors' books, by the vendors' ids."""
    books = floor.shop.vendor.books
    with books.lock:
        refunds = {made.id: made.amount.decimal() for made in books.refunds if made.order == errand.order.id}
    sent = {m.id: m.template for m in floor.shop.store.messages if m.conversation == errand.conversation}
    return refunds, sent


def _compare(
    verdict: Verdict, label: str, made: set[str], entries: list[LogEntry], cases: list[CaseLook]
) -> None:
    told = {
        str(entry.detail["vendor_ref"])
        for entry in entries
        if entry.kind is EntryKind.EFFECT_SETTLED and entry.detail.get("outcome") == "DONE"
    }
    a_person_was_told = any(case.status == "WITH_PERSON" for case in cases)
    if told - made:
        verdict.unrecorded.append(f"{label}: the log tells of {sorted(told - made)}, the books do not")
    if made - told and not a_person_was_told:
        verdict.unrecorded.append(f"{label}: the books show {sorted(made - told)}, the log does not")


def _chains(entries: list[LogEntry], case: CaseLook) -> Iterator[str]:
    streams: dict[str, list[LogEntry]] = {}
    for entry in entries:
        if entry.stream.startswith(case.id):
            streams.setdefault(entry.stream, []).append(entry)
    for stream, chain in streams.items():
        yield from (f"{stream}: {problem}" for problem in verify(sorted(chain, key=_place)))


def _place(entry: LogEntry) -> int:
    return entry.seq


def show(verdict: Verdict, console: Console) -> None:
    """The verdict as a table, and what speaks against it."""
    table = Table(title=f"{verdict.name}: {'passed' if verdict.ok else 'FAILED'}", title_justify="left")
    table.add_column("cases")
    table.add_column("", justify="right")
    rows: list[tuple[str, Any]] = [
        ("accepted", verdict.accepted),
        ("ended: closed", verdict.closed),
        ("ended: with a person", verdict.with_person),
        ("asleep, as they should be", verdict.asleep),
        ("lost", len(verdict.lost)),
        ("stuck", len(verdict.stuck)),
        ("doubled", len(verdict.doubled)),
        ("closed without their effect", len(verdict.wrong)),
        ("books and log differ", len(verdict.unrecorded)),
        ("broken chains", len(verdict.broken)),
        ("kill -9", sum(verdict.kills.values())),
        ("seconds", f"{verdict.seconds:.0f}"),
    ]
    for name, value in rows:
        table.add_row(name, str(value))
    console.print(table)
    for reason, count in verdict.reasons.most_common(8):
        console.print(f"  with a person: {count}, because {reason}", markup=False)
    for claim, holds in verdict.claims:
        console.print(f"  [{'green' if holds else 'red'}]{'✓' if holds else '✗'}[/] {claim}")
    for problem in verdict.problems()[:20]:
        console.print(f"  {problem}", style="red", markup=False)
