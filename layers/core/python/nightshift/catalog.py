"""The catalog of all tools, as the build wrote it (`python -m build.catalog`)."""

from functools import cache
from pathlib import Path

from nightshift.model.base import Document
from nightshift.model.tool import ToolSpec

__all__ = ["PATH", "Catalog", "catalog"]

PATH = Path(__file__).with_name("catalog.json")


class Catalog(Document):
    """All tools, by name in the order of the alphabet."""

    tools: tuple[ToolSpec, ...]


@cache
def catalog() -> dict[str, ToolSpec]:
    """The tools by name; read once per process."""
    stored = Catalog.model_validate_json(PATH.read_bytes())
    return {spec.name: spec for spec in stored.tools}
