"""Amazon's official models as a judge of every request and answer of the stand-in seller."""

from __future__ import annotations

import json
import re
from collections import Counter
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

from jsonschema import Draft4Validator
from jsonschema.exceptions import best_match
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT4

from fakes import AMAZON_ANSWERED, AMAZON_ASKED, AmazonAnswer, AmazonRequest
from tests.adapters.official import CONTRACTS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MODELS = CONTRACTS / "amazon-sp-api/models"
FILES = ("listingsItems_2021-08-01.json", "sellers.json")


class OfficialAmazon:
    """Validates paths, queries and bodies (Swagger 2) and counts, by operation, what it found right."""

    def __init__(self, folder: Path = MODELS) -> None:
        self.folder = folder
        self.asked: Counter[str] = Counter()
        self.answered: Counter[str] = Counter()
        self.problems: list[str] = []

    @property
    def present(self) -> bool:
        return self.folder.exists()

    @cached_property
    def models(self) -> dict[str, Any]:
        return {name: json.loads((self.folder / name).read_bytes()) for name in FILES}

    @cached_property
    def operations(self) -> dict[str, tuple[str, str, str, dict[str, Any]]]:
        """By `operationId`: the file, the verb, the path, the operation."""
        return {
            told["operationId"]: (name, verb.upper(), path, told)
            for name, model in self.models.items()
            for path, verbs in model["paths"].items()
            for verb, told in verbs.items()
            if verb != "parameters"
        }

    def check(self, request: AmazonRequest) -> str | None:
        """What is wrong with a request; None and a count when nothing is."""
        problem = self._wrong(request)
        if problem:
            self.problems.append(f"{request.operation}: {problem}")
            return problem
        self.asked[request.operation] += 1
        return None

    def look(self, answer: AmazonAnswer) -> None:
        """Remember what is wrong with an answer."""
        file, _, _, told = self.operations[answer.request.operation]
        response = told["responses"].get(str(answer.status))
        problem = f"answers {answer.status}, which is not specified"
        if response is not None:
            problem = self._misfit(file, response["schema"], answer.body) or ""
        if problem:
            self.problems.append(f"{answer.request.operation}: {problem}")
        else:
            self.answered[answer.request.operation] += 1

    def _wrong(self, request: AmazonRequest) -> str | None:
        file, verb, path, told = self.operations[request.operation]
        pattern = re.sub(r"\\{[^}]+\\}", "[^/]+", re.escape(path))
        if request.method != verb or not re.fullmatch(pattern, request.path):
            return f"it is {verb} {path}, not {request.method} {request.path}"
        taken = told.get("parameters", [])
        return self._wrong_query(taken, request.query) or self._wrong_body(file, taken, request.body)

    def _wrong_query(self, taken: list[dict[str, Any]], given: Any) -> str | None:  # noqa: ANN401  # a mapping
        known = {each["name"]: each for each in taken if each["in"] == "query"}
        unknown = set(given) - set(known)
        missing = {name for name, each in known.items() if each.get("required")} - set(given)
        if unknown or missing:
            return f"query: unknown {sorted(unknown)}, missing {sorted(missing)}"
        for name, value in given.items():
            error = best_match(
                Draft4Validator(_parameter(known[name])).iter_errors(_typed(known[name], value))
            )
            if error is not None:
                return f"query {name}: {error.message}"
        return None

    def _wrong_body(self, file: str, taken: list[dict[str, Any]], body: Any) -> str | None:  # noqa: ANN401  # JSON
        wanted = next((each for each in taken if each["in"] == "body"), None)
        if wanted is None:
            return "it has a body" if body is not None else None
        return self._misfit(file, wanted["schema"], body)

    def _misfit(self, file: str, schema: dict[str, Any], value: Any) -> str | None:  # noqa: ANN401  # JSON
        urn = f"urn:{file}"
        resource = Resource(contents=_closed(self.models[file]), specification=DRAFT4)
        registry: Registry[Any] = Registry().with_resource(urn, resource)
        wanted = {"$ref": f"{urn}{schema['$ref']}"}
        error = best_match(Draft4Validator(wanted, registry=registry).iter_errors(value))
        if error is None:
            return None
        return f"{'/'.join(str(part) for part in error.absolute_path)}: {error.message[:200]}"


def _parameter(told: dict[str, Any]) -> dict[str, Any]:
    return {name: told[name] for name in ("type", "items", "enum", "minimum", "maximum") if name in told}


def _typed(told: dict[str, Any], value: str) -> Any:  # noqa: ANN401  # what the parameter's type says
    match told["type"]:
        case "array":
            return value.split(",")
        case "integer" if value.isdigit():
            return int(value)
        case _:
            return value


def _closed(schema: Any) -> Any:  # noqa: ANN401  # any JSON
    """Objects have what they name and nothing else, but where the model leaves them open."""
    if isinstance(schema, list):
        return [_closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {name: _closed(held) for name, held in schema.items()}
    if isinstance(closed.get("properties"), dict) and closed.get("type", "object") == "object":
        closed.setdefault("additionalProperties", False)
    return closed


OFFICIAL_AMAZON = OfficialAmazon()


@contextmanager
def watched_amazon() -> Iterator[OfficialAmazon]:
    """Have every request to every stand-in seller of this process judged, where the models are at hand."""
    if not OFFICIAL_AMAZON.present:
        yield OFFICIAL_AMAZON
        return
    AMAZON_ASKED.append(OFFICIAL_AMAZON.check)
    AMAZON_ANSWERED.append(OFFICIAL_AMAZON.look)
    try:
        yield OFFICIAL_AMAZON
    finally:
        AMAZON_ASKED.remove(OFFICIAL_AMAZON.check)
        AMAZON_ANSWERED.remove(OFFICIAL_AMAZON.look)
