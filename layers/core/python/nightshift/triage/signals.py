"""What a person must see first: signs of law, anger, distress and fraud, found by rules."""

from collections.abc import Iterator

from nightshift.errors import BadInput
from nightshift.model.case import Signal, SignalKind
from nightshift.model.event import Event, EventKind, MessageDetail, OrderDetail, ReturnDetail
from nightshift.model.policy import TriageRules
from nightshift.money import Money
from nightshift.triage.words import sentences, spoken

__all__ = ["signals"]


def signals(event: Event, rules: TriageRules) -> tuple[Signal, ...]:
    """The signals in one event, each rule once; empty where nothing was found.

    Every language's words are looked for in every text: the locale of a message is only a claim, and a
    false alarm costs a person a look. "No lawyer needed" is no legal sign; distress is never talked away.
    The evidence names the field and the rule, never the text.
    """
    found = {(s.kind, s.rule): s for field, text in _texts(event) for s in _in_text(field, text, rules)}
    return (*found.values(), *_in_order(event, rules))


def _texts(event: Event) -> Iterator[tuple[str, str]]:
    match event.detail:
        case MessageDetail() as message:
            yield "detail.text", message.text
        case ReturnDetail() as asked:
            yield "detail.note", asked.note
            for index, line in enumerate(asked.lines):
                yield f"detail.lines[{index}].reason", line.reason
        case _:
            return


def _in_text(field: str, text: str, rules: TriageRules) -> Iterator[Signal]:
    clauses = tuple(sentences(text))
    if not clauses:
        return
    for kind, languages in (
        (SignalKind.LEGAL, rules.legal),
        (SignalKind.DISTRESSED, rules.distressed),
        (SignalKind.FRAUD, rules.fraud),
        (SignalKind.ANGRY, rules.angry),
    ):
        for language, words in languages.items():
            for word in words:
                if spoken(word, clauses, deniable=kind is not SignalKind.DISTRESSED):
                    rule = f"{kind}.{language}:{word}"
                    yield Signal(kind=kind, rule=rule, evidence=f"{field} says {word!r}")


def _in_order(event: Event, rules: TriageRules) -> tuple[Signal, ...]:
    review_from = rules.first_order_review_from
    placed = event.detail
    if review_from is None or event.kind is not EventKind.ORDER_PLACED or not isinstance(placed, OrderDetail):
        return ()
    total = _total(placed)
    is_large = total is not None and total.currency == review_from.currency and review_from <= total
    if not (placed.first_order and is_large):
        return ()
    rule = f"fraud:first_order_review_from {review_from}"
    return (Signal(kind=SignalKind.FRAUD, rule=rule, evidence="detail.total of a first order"),)


def _total(placed: OrderDetail) -> Money | None:
    if placed.total is None or placed.currency is None:
        return None
    try:
        return Money.parse(placed.total, placed.currency)
    except (BadInput, ValueError):
        return None
