"""Writes what ships with onboarding: the adapters as data, and the default policy.

python -m build.onboarding            write
python -m build.onboarding --check    change nothing; exit 1 if a file is not up to date
"""

import json
import sys
import tomllib
from pathlib import Path

from build.catalog import ROOT
from build.catalog import adapters as bound
from nightshift.errors import BadInput
from nightshift.gate.policies import parse_policy
from nightshift.model.adapter import AdapterSpec
from nightshift.model.base import Document
from nightshift.onboarding.shipped import ADAPTERS, POLICY, AdapterCatalog

__all__ = ["files", "main", "specs"]

_TAKEN = set(AdapterSpec.model_fields) - {"onboards"}


def specs(root: Path = ROOT) -> AdapterCatalog:
    """Every adapter's file as data.

    Raises:
        BadInput: a default address names no host of the adapter, or a field to be learned is no secret's.
    """
    onboards = {adapter.name: adapter.onboard is not None for adapter in bound(root)}
    found = []
    for file in sorted(root.glob("functions/adapters/*/adapter.toml")):
        said = tomllib.loads(file.read_text(encoding="utf-8"))
        given = {name: value for name, value in said.items() if name in _TAKEN}
        spec = AdapterSpec.model_validate({**given, "onboards": onboards.get(file.parent.name, False)})
        if not set(spec.learned_fields) <= set(spec.secret_fields):
            raise BadInput(f"{spec.name}: learned_fields", "one is no field of the secret", "List it there.")
        found.append(spec)
    return AdapterCatalog(adapters=tuple(found))


def _text(value: Document) -> str:
    return json.dumps(value.model_dump(mode="json"), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _policy(root: Path) -> str:
    """The policy's text: sets in the order of the alphabet, so that it is the same everywhere."""
    policy = parse_policy((root / "policies" / "default.toml").read_text(encoding="utf-8"))
    plain = policy.model_dump(mode="json")
    for role in plain["roles"].values():
        role["permissions"].sort()
    return json.dumps(plain, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def files(root: Path = ROOT) -> dict[Path, str]:
    """The files to ship, with what must stand in them."""
    return {ADAPTERS: _text(specs(root)), POLICY: _policy(root)}


def main(arguments: list[str]) -> int:
    """Write the files, or with `--check` say which are out of date."""
    late = 0
    for file, text in files().items():
        if file.exists() and file.read_text(encoding="utf-8") == text:
            continue
        if "--check" in arguments:
            sys.stderr.write(f"{file.relative_to(ROOT)} is out of date: run python -m build.onboarding\n")
            late = 1
        else:
            file.write_text(text, encoding="utf-8")
    return late


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
