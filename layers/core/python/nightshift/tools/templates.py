"""Templates: the only words that reach a customer, filled with plain text. One home for every adapter."""

import functools
import re
import tomllib
import unicodedata
from pathlib import Path
from typing import Literal

from nightshift.errors import Rejected
from nightshift.model.base import Noun

__all__ = ["Rendered", "Template", "Templates", "load", "render"]

FieldType = Literal["name", "amount", "state", "text", "tracking"]

_FALLBACK = "en"
_LIMITS: dict[FieldType, int] = {"name": 60, "amount": 40, "state": 80, "text": 200, "tracking": 300}
_MARKUP = re.compile(r"[<>{}\[\]`*|\\]")
_PLACE = re.compile(r"\{([a-z_]+)\}")


class Template(Noun):
    """One version of one template: its fields, and its sentences per language.

    A sentence that needs an optional field is left out where the field is missing.
    """

    fields: dict[str, FieldType]
    optional: tuple[str, ...] = ()
    en: tuple[str, ...]
    de: tuple[str, ...]

    def sentences(self, language: str) -> tuple[str, ...]:
        """The sentences in one language."""
        return self.de if language == "de" else self.en


class Templates(Noun):
    """All templates by `name@version`; per language the words for states, and subject lines of mails.

    A subject is `order` where the message names an order, else `other`.
    """

    templates: dict[str, Template]
    states: dict[str, dict[str, str]]
    subjects: dict[str, dict[Literal["order", "other"], str]]


class Rendered(Noun):
    """A message as the customer will read it, with the fields as they were cleaned."""

    subject: str
    text: str
    locale: str
    fields: dict[str, str]


@functools.cache
def load() -> Templates:
    """The templates that ship with the layer."""
    source = Path(__file__).with_name("templates.toml")
    return Templates.model_validate(tomllib.loads(source.read_text(encoding="utf-8")))


def render(name: str, locale: str, fields: dict[str, str]) -> Rendered:
    """Fill a template; an unknown language falls back to English.

    Raises:
        Rejected: `template.unknown`: no such template, a field it does not have, or one that is missing.
    """
    known = load()
    template = known.templates.get(name)
    if template is None:
        message = "there is no such template"
        raise Rejected(message, code="template.unknown")
    language = locale[:2] if locale[:2] in known.states else _FALLBACK
    cleaned = {key: _plain(value, template.fields.get(key, "text")) for key, value in fields.items()}
    given = {key: value for key, value in cleaned.items() if value}
    _check(template, set(fields), set(given))
    words = known.states[language]
    shown = {key: words.get(v, v) if template.fields[key] == "state" else v for key, v in given.items()}
    sentences = [s for s in template.sentences(language) if set(_PLACE.findall(s)) <= set(shown)]
    text = "\n".join(_PLACE.sub(lambda place: shown[place.group(1)], sentence) for sentence in sentences)
    heading = known.subjects[language]["order" if "order" in shown else "other"]
    subject = _PLACE.sub(lambda place: shown[place.group(1)], heading)
    return Rendered(subject=subject, text=text, locale=language, fields=given)


def _check(template: Template, named: set[str], given: set[str]) -> None:
    unknown = named - set(template.fields)
    missing = set(template.fields) - set(template.optional) - given
    if unknown or missing:
        message = f"the template has other fields: {', '.join(sorted(template.fields)) or 'none'}"
        raise Rejected(message, code="template.unknown")


def _plain(value: str, kind: FieldType) -> str:
    """One line of plain text: no markup, no control or invisible characters, not too long."""
    spaced = "".join(" " if char.isspace() else char for char in value)
    visible = "".join(char for char in spaced if unicodedata.category(char)[0] != "C")
    return " ".join(_MARKUP.sub("", visible).split())[: _LIMITS[kind]]
