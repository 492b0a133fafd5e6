"""What documents say of the tree is true: every path exists, every name is defined where they say."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
_GENERATED = (".local/", "cdk.out/")  # there only once the system ran
_QUOTED = re.compile(r"`((?:[\w.-]+/)+[\w.-]+\.(?:py|toml|json|md|asl\.json))(?:::(\w+))?`")


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_file_and_name_a_page_quotes_is_there(page: Path):
    missing = []
    for path, name in _QUOTED.findall(page.read_text(encoding="utf-8")):
        if path.startswith(_GENERATED):
            continue
        file = ROOT / path
        if not file.exists():
            missing.append(path)
        elif name and name not in _names(file):
            missing.append(f"{path}::{name}")
    assert missing == []


def _names(file: Path) -> set[str]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return {
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    }


def test_the_path_page_follows_a_case_through_every_function():
    page = (ROOT / "docs" / "path.md").read_text(encoding="utf-8")
    folders = {p.parent.relative_to(ROOT) for p in (ROOT / "functions").rglob("handler.py")}
    beside = (
        "sweep",
        "api",
        "onboarding",
        "dryrun",
        "again",
        *(f"adapters/{a}" for a in ("contact", "amazon", "ebay", "competitor")),
    )
    beside_the_path = {Path("functions") / name for name in beside}
    assert [f for f in sorted(folders - beside_the_path) if f"{f}/handler.py" not in page] == []
