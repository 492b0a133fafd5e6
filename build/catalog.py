"""Writes the catalog of all tools from their contracts and the adapters that bind them.

    python -m build.catalog            write layers/core/python/nightshift/catalog.json
    python -m build.catalog --check    change nothing; exit 1 and show the difference if it is not up to date

An adapter is a folder `functions/adapters/<name>` with a `tools.py` that exports `ADAPTER`.
"""

import argparse
import difflib
import importlib
import json
import sys
from pathlib import Path

from nightshift.catalog import PATH, Catalog
from nightshift.errors import Misconfigured
from nightshift.tools.binding import Adapter
from nightshift.tools.contracts import ALL

__all__ = ["adapters", "build", "main", "render"]

ROOT = Path(__file__).resolve().parents[1]


def adapters(root: Path = ROOT) -> tuple[Adapter, ...]:
    """The adapters found under functions/adapters, by name.

    Raises:
        Misconfigured: a `tools.py` exports no `ADAPTER`, or one that is not called like its folder.
    """
    found: list[Adapter] = []
    for path in sorted(root.glob("functions/adapters/*/tools.py")):
        folder = path.parent.name
        module = importlib.import_module(f"functions.adapters.{folder}.tools")
        adapter = getattr(module, "ADAPTER", None)
        if not isinstance(adapter, Adapter) or adapter.name != folder:
            message = f"{path.relative_to(root)} must export ADAPTER, an Adapter named {folder}"
            raise Misconfigured(message, code="catalog.adapter")
        found.append(adapter)
    return tuple(found)


def build(found: tuple[Adapter, ...]) -> Catalog:
    """The catalog of every contract, with the adapters that bind it.

    Raises:
        Misconfigured: an adapter binds a contract that is not the one in `nightshift.tools.contracts`.
    """
    binders: dict[str, list[str]] = {name: [] for name in ALL}
    for adapter in found:
        for binding in adapter.bindings:
            name = binding.contract.name
            if ALL.get(name) is not binding.contract:
                message = f"{adapter.name} binds {name}, which is not the contract of that name"
                raise Misconfigured(message, code="catalog.contract")
            binders[name].append(adapter.name)
    return Catalog(tools=tuple(ALL[name].spec(tuple(sorted(binders[name]))) for name in sorted(ALL)))


def render(built: Catalog) -> str:
    """The file's text: the same for the same catalog."""
    return json.dumps(built.model_dump(mode="json"), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def main(arguments: list[str] | None = None) -> int:
    """Write or check the file; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m build.catalog", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 on any difference")
    check = parser.parse_args(arguments).check
    text = render(build(adapters()))
    before = PATH.read_text(encoding="utf-8") if PATH.exists() else ""
    if text == before:
        return 0
    if not check:
        PATH.write_text(text, encoding="utf-8")
        return 0
    lines = difflib.unified_diff(
        before.splitlines(), text.splitlines(), "committed", "built", lineterm="", n=1
    )
    sys.stdout.write("\n".join(lines) + "\nRun: python -m build.catalog\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
