"""What is wanted, by rules over kinds of events and words of messages. No model, and no text kept."""

from functools import cache
from pathlib import Path
from typing import NamedTuple

from pydantic import Field, model_validator

from nightshift.model.base import Noun
from nightshift.model.case import Intent
from nightshift.model.event import Event, EventKind, MessageDetail, SubjectKind
from nightshift.words import contains, fold

__all__ = ["IntentRule", "IntentRules", "bundled_rules", "intents_of"]

BUNDLE = Path(__file__).with_name("intents.json")


class IntentRule(Noun):
    """A rule fires for an event of one of `events`, or for a message with one of `phrases`.

    `phrases` stand per language; all languages are tried, the message's own first. `subjects` names the
    kinds of subject it fires for; none named: any.
    """

    id: str
    confidence: float = Field(gt=0, le=1)
    events: tuple[EventKind, ...] = ()
    phrases: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    subjects: tuple[SubjectKind, ...] = ()

    @model_validator(mode="after")
    def _fires_on_something(self) -> "IntentRule":
        if not self.events and not any(self.phrases.values()):
            message = f"rule {self.id} has neither events nor phrases"
            raise ValueError(message)
        return self


class IntentRuleSet(Noun):
    """The rules that read one intent."""

    name: str
    rules: tuple[IntentRule, ...] = Field(min_length=1, alias="rule")


class IntentRules(Noun):
    """All intents; earlier ones win where confidence is the same."""

    intents: tuple[IntentRuleSet, ...] = Field(alias="intent")


@cache
def bundled_rules() -> IntentRules:
    """The rules that ship with the layer."""
    return IntentRules.model_validate_json(BUNDLE.read_text(encoding="utf-8"))


class _Found(NamedTuple):
    rank: int
    intent: Intent


def _fires(rule: IntentRule, event: Event, text: tuple[str, ...], locale: str) -> str | None:
    """Where a rule found what it looks for, without the words themselves."""
    if event.kind in rule.events:
        return f"kind {event.kind.value}"
    for language in sorted(rule.phrases, key=lambda name: (name != locale[:2].casefold(), name)):
        if any(contains(text, fold(phrase)) for phrase in rule.phrases[language]):
            return f"text ({language})"
    return None


def _read(rules: IntentRules, number: int, event: Event, subject: str) -> list[_Found]:
    message = event.detail if isinstance(event.detail, MessageDetail) else None
    text, locale = (fold(message.text), message.locale) if message else ((), "")
    found = []
    for rank, intent in enumerate(rules.intents):
        for rule in intent.rules:
            fits = not rule.subjects or subject in rule.subjects
            where = _fires(rule, event, text, locale) if fits else None
            if where is not None:
                evidence = f"event {number}: {where}: rule {rule.id}"
                read = Intent(name=intent.name, confidence=rule.confidence, evidence=evidence)
                found.append(_Found(rank, read))
    return found


def intents_of(
    rules: IntentRules, events: tuple[Event, ...], *, settled: str | None = None, subject: str = ""
) -> tuple[Intent, ...]:
    """The intents of a case, best first, each once with its best evidence.

    `settled` is the intent the case is being worked on for: found again, it stays first, so that an
    answer in the middle of a matter does not turn it into another one. `subject` is the kind of subject
    the case is about.
    """
    found = [hit for number, event in enumerate(events, 1) for hit in _read(rules, number, event, subject)]
    found.sort(key=lambda hit: (hit.intent.name != settled, -hit.intent.confidence, hit.rank))
    best: dict[str, Intent] = {}
    for hit in found:
        best.setdefault(hit.intent.name, hit.intent)
    return tuple(best.values())
