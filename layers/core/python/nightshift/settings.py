"""Settings from the environment: the only place that reads it."""

import os
from collections.abc import Mapping
from typing import Self

from pydantic import ValidationError

from nightshift.errors import Misconfigured
from nightshift.model.base import Noun

__all__ = ["Settings"]


class Settings(Noun):
    """Base of a function's settings: field `table_cases` is read from `TABLE_CASES`.

    Args of every function: `stage` (STAGE).
    """

    stage: str

    @classmethod
    def load(cls, environment: Mapping[str, str] | None = None) -> Self:
        """Read and check the settings.

        Raises:
            Misconfigured: names every variable that is missing or wrong.
        """
        source = os.environ if environment is None else environment
        given = {n: source[n.upper()] for n in cls.model_fields if n.upper() in source}
        try:
            return cls.model_validate(given)
        except ValidationError as exc:
            names = ", ".join(sorted(str(e["loc"][0]).upper() for e in exc.errors()))
            message = f"set these environment variables of the function: {names}"
            raise Misconfigured(message, code="settings") from exc
