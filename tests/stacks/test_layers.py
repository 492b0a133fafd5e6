"""Third-party layers: what goes into them, and when they are built again. Nothing here downloads."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from build import layers
from stacks.adapter import Adapter
from stacks.app import STAGES, add_stacks, new_app
from stacks.layers import LAYERS, LayersNotBuilt

PIN = re.compile(r"^([a-z0-9-]+)==(\S+)", re.MULTILINE)


def _pins(text: str) -> dict[str, str]:
    return dict(PIN.findall(text))


def test_every_layer_a_function_has_is_built() -> None:
    assert {name for names in LAYERS.values() for name in names} == set(layers.GROUPS)


@pytest.mark.parametrize("group", layers.GROUPS)
def test_a_layer_holds_the_versions_the_tests_ran_with(group: str) -> None:
    tested = _pins(layers.lock_of("all").read_text(encoding="utf-8"))
    held = _pins(layers.lock_of(group).read_text(encoding="utf-8"))
    assert held
    assert {name: tested.get(name) for name in held} == held


@pytest.mark.parametrize("group", layers.GROUPS)
def test_every_package_of_a_layer_is_checked_against_its_hash(group: str) -> None:
    for package, lines in layers._pinned(group).items():
        assert "--hash=sha256:" in lines, package


def test_no_layer_repeats_what_base_brings() -> None:
    base = set(_pins(layers._wanted("base")))
    assert {"pydantic", "pydantic-core", "typing-extensions"} <= base
    for group in set(layers.GROUPS) - {"base"}:
        held = set(_pins(layers._wanted(group)))
        assert held
        assert not held & base


def test_the_expressions_layer_leaves_the_librarys_command_line_out() -> None:
    assert set(_pins(layers._wanted("expressions"))) == {"common-expression-language"}


def test_a_layer_that_is_there_is_left_alone(tmp_path: Path) -> None:
    there = tmp_path / "host" / "identity" / "python" / "jwt.py"
    there.parent.mkdir(parents=True)
    there.write_text("# as it was\n", encoding="utf-8")
    (tmp_path / "host" / "identity.built-from").write_text(
        layers._fingerprint("identity", "host"), encoding="utf-8"
    )

    built = layers.build("identity", target="host", output=tmp_path)

    assert (built.fresh, built.size) == (False, len("# as it was\n"))
    assert there.exists()


def test_host_and_lambda_are_not_the_same_layer() -> None:
    assert layers._fingerprint("base", "host") != layers._fingerprint("base", "lambda")


def test_a_missing_layer_is_reported_with_the_command_that_builds_it(tmp_path: Path) -> None:
    app = new_app(str(tmp_path / "out"))
    vendors = [Adapter(name="shopify", concurrency=1)]
    with pytest.raises(LayersNotBuilt, match=r"python -m build\.layers --platform lambda"):
        add_stacks(app, STAGES["dev"], vendors=vendors, layers=tmp_path / "lambda")
