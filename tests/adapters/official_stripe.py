"""Stripe's official specification as a judge of every request and answer of the stand-in account."""

from __future__ import annotations

import re
from collections import Counter
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from fakes import ANSWERED, ASKED, StripeAnswer, StripeRequest
from tests.adapters.official import CONTRACTS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SPEC = CONTRACTS / "stripe/spec3.yaml"
_FORM = "application/x-www-form-urlencoded"
_URN = "urn:stripe"
_BRACKETS = re.compile(r"\[([^\]]*)\]")
_INTEGER = re.compile(r"-?[0-9]+")


class OfficialStripe:
    """Validates requests (form or query, decoded and typed by the schema) and answers; counts what it saw."""

    def __init__(self, path: Path = SPEC) -> None:
        self.path = path
        self.asked: Counter[str] = Counter()
        self.answered: Counter[str] = Counter()
        self.problems: list[str] = []
        self._validators: dict[str, Draft202012Validator] = {}

    @cached_property
    def spec(self) -> dict[str, Any]:
        # by libyaml: the file has four megabytes
        found: dict[str, Any] = yaml.load(self.path.read_bytes(), Loader=yaml.CSafeLoader)
        return found

    @cached_property
    def paths(self) -> list[tuple[re.Pattern[str], str]]:
        """Paths as patterns; those without a place for an id first."""
        ordered = sorted(self.spec["paths"], key=lambda path: path.count("{"))
        return [(re.compile(re.sub(r"\\{[^}]+\\}", "[^/]+", re.escape(path))), path) for path in ordered]

    @cached_property
    def registry(self) -> Registry[Any]:
        """The answers' schemas as JSON Schema, read once: OpenAPI's `nullable` is no word of it."""
        answers = {
            _pointed(f"{method.upper()} {path}", status): _nullable(
                told["content"]["application/json"]["schema"]
            )
            for path, verbs in self.spec["paths"].items()
            for method, operation in verbs.items()
            for status, told in operation["responses"].items()
            if "application/json" in told.get("content", {})
        }
        document = {"components": _nullable(self.spec["components"]), "answers": answers}
        return Registry().with_resource(_URN, Resource(contents=document, specification=DRAFT202012))

    def warm(self) -> None:
        """Read the specification now: it takes seconds that no request should wait for."""
        if self.path.exists():
            _ = self.paths, self.registry

    def operation(self, method: str, path: str) -> str | None:
        """`POST /v1/refunds`, as the specification writes it; None: it has no such operation."""
        for pattern, name in self.paths:
            if pattern.fullmatch(path) and method.lower() in self.spec["paths"][name]:
                return f"{method} {name}"
        return None

    def check(self, request: StripeRequest) -> str | None:
        """What is wrong with a request; None and a count when nothing is."""
        name = self.operation(request.method, request.path)
        problem = f"no such operation: {request.method} {request.path}" if name is None else None
        if name is not None:
            sent = request.query if request.method == "GET" else request.body
            problem = _wrong(self._asks(name), sent, name)
            if request.method != "GET" and request.query:
                problem = f"{name}: a query on a request that changes something"
        if problem:
            self.problems.append(problem)
            return problem
        self.asked[name or ""] += 1
        return None

    def look(self, answer: StripeAnswer) -> None:
        """Remember what is wrong with an answer."""
        name = self.operation(answer.request.method, answer.request.path)
        if name is None:
            return
        error = best_match(self._answer(name, answer.status).iter_errors(answer.body))
        if error is not None:
            where = "/".join(str(part) for part in error.absolute_path)
            self.problems.append(f"{name} answers {answer.status}: {where}: {error.message[:200]}")
        else:
            self.answered[name] += 1

    def validator(self, schema: str) -> Draft202012Validator:
        """Validates one of the specification's objects (`charge`)."""
        return self._validator(f"components/schemas/{schema}")

    def _validator(self, pointer: str) -> Draft202012Validator:
        if pointer not in self._validators:
            wanted = {"$ref": f"{_URN}#/{pointer}"}
            self._validators[pointer] = Draft202012Validator(wanted, registry=self.registry)
        return self._validators[pointer]

    def _operation(self, name: str) -> dict[str, Any]:
        method, path = name.split(" ")
        found: dict[str, Any] = self.spec["paths"][path][method.lower()]
        return found

    def _asks(self, name: str) -> dict[str, Any]:
        operation = self._operation(name)
        if name.startswith("GET "):
            taken = [each for each in operation["parameters"] if each["in"] == "query"]
            needed = [each["name"] for each in taken if each.get("required")]
            return {
                "type": "object",
                "properties": {each["name"]: each["schema"] for each in taken},
                "required": needed,
                "additionalProperties": False,
            }
        found: dict[str, Any] = operation["requestBody"]["content"][_FORM]["schema"]
        return found

    def _answer(self, name: str, status: int) -> Draft202012Validator:
        responses = self._operation(name)["responses"]
        told = str(status) if str(status) in responses else "default"
        return self._validator(f"answers/{_pointed(name, told)}")


def _pointed(name: str, status: str) -> str:
    """One name per answer, without a letter that means something in a pointer."""
    return re.sub(r"[^A-Za-z0-9]", "_", f"{name} {status}")


def _nullable(schema: Any) -> Any:  # noqa: ANN401  # any JSON
    if isinstance(schema, list):
        return [_nullable(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {name: _nullable(held) for name, held in schema.items()}
    if plain.pop("nullable", None) is True:
        return {"anyOf": [plain, {"type": "null"}]}
    return plain


def _wrong(schema: dict[str, Any], sent: str, name: str) -> str | None:
    try:
        given = _typed(_decoded(sent), schema)
    except ValueError as exc:
        return f"{name}: {exc}"
    error = best_match(Draft202012Validator(_closed(schema)).iter_errors(given))
    if error is None:
        return None
    return f"{name}: {'/'.join(str(part) for part in error.absolute_path)}: {error.message[:200]}"


def _closed(schema: Any) -> Any:  # noqa: ANN401  # any JSON
    """Objects take what they name and nothing else: Stripe refuses unknown parameters."""
    if isinstance(schema, list):
        return [_closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {name: _closed(held) for name, held in schema.items()}
    if isinstance(closed.get("properties"), dict):
        closed.setdefault("additionalProperties", False)
    return closed


def _decoded(sent: str) -> dict[str, Any]:
    """A form by the rules of qs: brackets nest, numbers in them make lists."""
    found: dict[str, Any] = {}
    for name, value in parse_qsl(sent, keep_blank_values=True, strict_parsing=bool(sent)):
        head = name.split("[", 1)[0]
        path = [head, *_BRACKETS.findall(name[len(head) :])]
        at = found
        for part in path[:-1]:
            at = at.setdefault(part, {})
        if path[-1] in at:
            message = f"{name} is given twice"
            raise ValueError(message)
        at[path[-1]] = value
    return {name: _as_list(value) for name, value in found.items()}


def _as_list(value: Any) -> Any:  # noqa: ANN401  # any JSON
    if not isinstance(value, dict):
        return value
    inner = {name: _as_list(held) for name, held in value.items()}
    return [inner[name] for name in sorted(inner, key=int)] if all(n.isdigit() for n in inner) else inner


def _typed(value: Any, schema: dict[str, Any]) -> Any:  # noqa: ANN401  # any JSON
    """Text of a form as what the schema asks for; what does not fit stays text, and is found wrong."""
    for choice in schema.get("anyOf", ()):
        typed = _typed(value, choice)
        if Draft202012Validator(choice).is_valid(typed):
            return typed
    match schema.get("type"):
        case "object" if isinstance(value, dict):
            known = schema.get("properties", {})
            rest = schema.get("additionalProperties")
            other = rest if isinstance(rest, dict) else {}
            return {name: _typed(held, known.get(name, other)) for name, held in value.items()}
        case "array" if isinstance(value, list):
            return [_typed(held, schema.get("items", {})) for held in value]
        case "integer" if isinstance(value, str) and _INTEGER.fullmatch(value):
            return int(value)
        case "boolean" if value in {"true", "false"}:
            return value == "true"
        case _:
            return value


OFFICIAL_STRIPE = OfficialStripe()


@contextmanager
def watched_stripe() -> Iterator[OfficialStripe]:
    """Have every request to every stand-in account of this process judged, where the specification is."""
    if not OFFICIAL_STRIPE.path.exists():
        yield OFFICIAL_STRIPE
        return
    ASKED.append(OFFICIAL_STRIPE.check)
    ANSWERED.append(OFFICIAL_STRIPE.look)
    try:
        yield OFFICIAL_STRIPE
    finally:
        ASKED.remove(OFFICIAL_STRIPE.check)
        ANSWERED.remove(OFFICIAL_STRIPE.look)
