"""What ships with onboarding, as the build wrote it (`python -m build.onboarding`)."""

from functools import cache
from pathlib import Path

from nightshift.model.adapter import AdapterSpec
from nightshift.model.base import Document
from nightshift.model.policy import Policy

__all__ = ["ADAPTERS", "POLICY", "AdapterCatalog", "adapters", "default_policy"]

ADAPTERS = Path(__file__).with_name("adapters.json")
POLICY = Path(__file__).with_name("policy.json")


class AdapterCatalog(Document):
    """All adapters, by name in the order of the alphabet."""

    adapters: tuple[AdapterSpec, ...]


@cache
def adapters() -> dict[str, AdapterSpec]:
    """The adapters by name; read once per process."""
    stored = AdapterCatalog.model_validate_json(ADAPTERS.read_bytes())
    return {spec.name: spec for spec in stored.adapters}


@cache
def default_policy() -> Policy:
    """The policy a new tenant starts with; read once per process."""
    return Policy.model_validate_json(POLICY.read_bytes())
