"""local/README.md names functions and probes that exist, and every patch there is."""

import ast
import re
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
README = (REPOSITORY / "local/README.md").read_text(encoding="utf-8")
PATCHED = (
    "statemachines/patches",
    "statemachines/waiting",
    "permissions",
    "durable/items",
    "durable/services",
)


def functions_in(*patterns: str) -> set[str]:
    sources = [path for pattern in patterns for path in REPOSITORY.glob(pattern)]
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in sources]
    return {node.name for tree in trees for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_every_probe_named_in_the_readme_exists():
    named = set(re.findall(r"`(test_\w+)`", README))
    assert named
    assert named <= functions_in("local/probes/test_*.py", "tests/local/test_*.py")


def test_every_patch_stands_in_the_readme_and_every_one_there_exists():
    rows = set(re.findall(r"^\| `[\w/]+\.(\w+)` \|", README, flags=re.MULTILINE))
    assert rows <= functions_in("local/**/*.py")
    for module in PATCHED:
        tree = ast.parse((REPOSITORY / f"local/{module}.py").read_text(encoding="utf-8"))
        named = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
        assert {name for name in named if not name.startswith("_")} - {"apply", "install"} <= rows


def test_no_module_is_longer_than_four_hundred_lines():
    modules = [path for path in REPOSITORY.glob("local/**/*.py") if "probes" not in path.parts]
    assert [path.name for path in modules if len(path.read_text(encoding="utf-8").splitlines()) > 400] == []
