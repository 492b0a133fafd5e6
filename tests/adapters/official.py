"""Shopify's official schema as a judge of every request that the stand-in shop sees."""

from __future__ import annotations

import gzip
import json
import os
from collections import Counter
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from graphql import (
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    build_client_schema,
    parse,
    validate,
)
from graphql.execution.values import get_variable_values

from fakes import OBSERVERS, GraphRequest

if TYPE_CHECKING:
    from collections.abc import Iterator

CONTRACTS = Path(__file__).parents[2] / "../shared/contracts"
SCHEMA = CONTRACTS / "shopify/admin-graphql/admin_2026-07.json.gz"
IN_CI = os.environ.get("CI", "").lower() == "true"


class Official:
    """Validates documents and their variables; remembers what it has seen."""

    def __init__(self, path: Path = SCHEMA) -> None:
        self.path = path
        self.validated: Counter[str] = Counter()
        self.problems: list[str] = []
        self._documents: dict[str, list[str]] = {}

    @cached_property
    def schema(self) -> GraphQLSchema:
        found = json.loads(gzip.decompress(self.path.read_bytes()))
        return build_client_schema(found.get("data", found), assume_valid=True)

    def check(self, request: GraphRequest) -> str | None:
        """What is wrong with a request; None and a count when nothing is."""
        found = self._in_document(request.document) or self._in_variables(request)
        if found:
            self.problems += found
            return "; ".join(found)
        self.validated[request.document] += 1
        return None

    def _in_document(self, document: str) -> list[str]:
        if document not in self._documents:
            try:
                errors = validate(self.schema, parse(document))
            except GraphQLError as exc:
                errors = [exc]
            self._documents[document] = [error.message for error in errors]
        return self._documents[document]

    def _in_variables(self, request: GraphRequest) -> list[str]:
        for part in parse(request.document).definitions:
            if isinstance(part, OperationDefinitionNode):
                given = get_variable_values(self.schema, part.variable_definitions, dict(request.variables))
                return [error.message for error in given] if isinstance(given, list) else []
        return ["no operation"]


OFFICIAL = Official()


@contextmanager
def watched() -> Iterator[Official]:
    """Have every request to every stand-in shop of this process judged, where the schema is at hand."""
    if not OFFICIAL.path.exists():
        yield OFFICIAL
        return
    OBSERVERS.append(OFFICIAL.check)
    try:
        yield OFFICIAL
    finally:
        OBSERVERS.remove(OFFICIAL.check)
