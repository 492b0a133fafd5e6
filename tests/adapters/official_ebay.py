"""EBay's official specifications as judges of every request and answer of the stand-in seller.

They mark almost nothing as required; what they do say is which fields there are and of which type. So a
field they do not know is a fault here, and so is a header or parameter that they do require.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from fakes import EBAY_ANSWERED, EBAY_ASKED, EbayAnswer, EbayRequest
from tests.adapters.official import CONTRACTS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SPECS = tuple(CONTRACTS / f"ebay/sell_{name}_v1_oas3.json" for name in ("inventory", "account"))
_FROM_THE_TOKEN = {"authorization"}
_FIRST_ERROR = 400


class OfficialEbay:
    """Validates requests and answers; counts what it saw, by operation."""

    def __init__(self, paths: tuple[Path, ...] = SPECS) -> None:
        self.paths = paths
        self.asked: Counter[str] = Counter()
        self.answered: Counter[str] = Counter()
        self.problems: list[str] = []

    @property
    def present(self) -> bool:
        """Whether the specifications are beside the repository."""
        return all(path.exists() for path in self.paths)

    def warm(self) -> None:
        """Read the specifications now: it takes time that no request should wait for."""
        if self.present:
            _ = self._registry

    @cached_property
    def _specs(self) -> dict[str, dict[str, Any]]:
        """By the path that each is served under."""
        found = [json.loads(path.read_text(encoding="utf-8")) for path in self.paths]
        return {each["servers"][0]["variables"]["basePath"]["default"]: each for each in found}

    @cached_property
    def _registry(self) -> Registry[Any]:
        resources = [
            (f"urn:{base}", Resource(contents=_closed(spec), specification=DRAFT202012))
            for base, spec in self._specs.items()
        ]
        return Registry().with_resources(resources)

    def operation(self, request: EbayRequest) -> tuple[str, str, dict[str, Any]] | None:
        """Where a request belongs: base path, path, and what the specification says of it."""
        for base, spec in self._specs.items():
            for path, verbs in spec["paths"].items():
                pattern = re.escape(base) + re.sub(r"\\\{[^}]+\\\}", "[^/]+", re.escape(path))
                if request.method.lower() in verbs and re.fullmatch(pattern, request.path):
                    return base, path, verbs[request.method.lower()]
        return None

    def check(self, request: EbayRequest) -> str | None:
        """What is wrong with a request; None and a count when nothing is."""
        found = self.operation(request)
        if found is None:
            problem: str | None = f"no such operation: {request.method} {request.path}"
        else:
            problem = self._in_parameters(request, found[2]) or self._in_body(request, *found)
        if problem is not None:
            self.problems.append(problem)
        elif found is not None:
            self.asked[found[2]["operationId"]] += 1
        return problem

    def look(self, answer: EbayAnswer) -> None:
        """Remember what is wrong with an answer; errors are judged by their own schema."""
        found = self.operation(answer.request)
        if found is None:
            return
        base, path, operation = found
        name = operation["operationId"]
        said = operation["responses"].get(str(answer.status))
        if said is None:
            self.problems.append(f"{name} does not answer {answer.status}")
            return
        if answer.status >= _FIRST_ERROR:
            schema = "/components/schemas/Error"
            wrong = [self._wrong(base, schema, each) for each in answer.body["errors"]]
        elif answer.status == 207:
            schema = "/components/schemas/BulkPriceQuantityResponse"
            wrong = [self._wrong(base, schema, answer.body)]
        else:
            wrong = (
                [self._wrong(base, _pointer(path, answer, "responses"), answer.body)]
                if said.get("content")
                else []
            )
        problem = next(filter(None, wrong), None)
        if problem is not None:
            self.problems.append(f"{name} answers {answer.status}: {problem}")
        self.answered[name] += 1

    def _in_parameters(self, request: EbayRequest, operation: dict[str, Any]) -> str | None:
        name, known = operation["operationId"], operation.get("parameters", ())
        for each in known:
            if not each.get("required") or each["in"] == "path" or each["name"].lower() in _FROM_THE_TOKEN:
                continue
            given = request.headers if each["in"] == "header" else request.query
            if not given.get(each["name"].lower() if each["in"] == "header" else each["name"]):
                return f"{name} lacks {each['in']} {each['name']}"
        unknown = set(request.query) - {each["name"] for each in known if each["in"] == "query"}
        return f"{name} knows no {sorted(unknown)}" if unknown else None

    def _in_body(self, request: EbayRequest, base: str, path: str, operation: dict[str, Any]) -> str | None:
        takes_one = "requestBody" in operation
        if (request.body is not None) != takes_one:
            return f"{operation['operationId']}: a body {'is missing' if takes_one else 'too many'}"
        if not takes_one:
            return None
        pointer = (
            f"/paths/{_escaped(path)}/{request.method.lower()}/requestBody/content/application~1json/schema"
        )
        wrong = self._wrong(base, pointer, request.body)
        return f"{operation['operationId']}: {wrong}" if wrong else None

    def _wrong(self, base: str, pointer: str, value: object) -> str | None:
        validator = Draft202012Validator({"$ref": f"urn:{base}#{pointer}"}, registry=self._registry)
        error = best_match(validator.iter_errors(value))
        if error is None:
            return None
        return f"{'/'.join(str(part) for part in error.absolute_path)}: {error.message[:200]}"


def _escaped(path: str) -> str:
    return path.replace("~", "~0").replace("/", "~1").replace("{", "%7B").replace("}", "%7D")


def _pointer(path: str, answer: EbayAnswer, part: str) -> str:
    where = f"/paths/{_escaped(path)}/{answer.request.method.lower()}/{part}/{answer.status}"
    return f"{where}/content/application~1json/schema"


_ASPECTS = {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "string"}}}
"""The specification writes `string` where its prose, and eBay, have a map of a name to its values."""


def _closed(schema: Any) -> Any:  # noqa: ANN401  # any part of a JSON document
    """The same, where objects with named fields have no others."""
    if isinstance(schema, list):
        return [_closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    made = {name: _ASPECTS if name == "aspects" else _closed(value) for name, value in schema.items()}
    if schema.get("type") == "object" and isinstance(schema.get("properties"), dict):
        made.setdefault("additionalProperties", False)
    return made


OFFICIAL_EBAY = OfficialEbay()


@contextmanager
def watched_ebay() -> Iterator[OfficialEbay]:
    """Have every request to every stand-in seller of this process judged, where the specifications are."""
    if not OFFICIAL_EBAY.present:
        yield OFFICIAL_EBAY
        return
    EBAY_ASKED.append(OFFICIAL_EBAY.check)
    EBAY_ANSWERED.append(OFFICIAL_EBAY.look)
    try:
        yield OFFICIAL_EBAY
    finally:
        EBAY_ASKED.remove(OFFICIAL_EBAY.check)
        EBAY_ANSWERED.remove(OFFICIAL_EBAY.look)
