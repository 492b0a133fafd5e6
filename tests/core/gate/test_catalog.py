"""The committed catalog is what the build makes, and it says who serves what."""

from __future__ import annotations

import importlib
import json
from typing import TYPE_CHECKING, Any

import pytest

from build import catalog as build_catalog
from nightshift.catalog import PATH, Catalog, catalog
from nightshift.errors import Misconfigured
from nightshift.tools.binding import Adapter, Binding
from nightshift.tools.contracts import ALL
from nightshift.tools.contracts.orders import GET, GET_CUSTOMER

if TYPE_CHECKING:
    from pathlib import Path


def unused(*_: object) -> Any:  # noqa: ANN401  # stands for calls that a catalog never makes
    raise AssertionError


def adapter(name: str, *contracts: Any) -> Adapter:  # noqa: ANN401  # contracts of any types
    bindings = tuple(Binding(contract=contract, call=unused) for contract in contracts)
    return Adapter(name=name, bindings=bindings, connect=unused)


def test_the_committed_catalog_is_the_built_one():
    assert PATH.read_text(encoding="utf-8") == build_catalog.render(
        build_catalog.build(build_catalog.adapters())
    ), "run: python -m build.catalog"


def test_the_catalog_lists_every_contract_at_its_version():
    assert {name: spec.version for name, spec in catalog().items()} == {
        name: contract.version() for name, contract in ALL.items()
    }


def test_a_tool_lists_the_adapters_that_bind_it():
    built = build_catalog.build((adapter("zeta", GET), adapter("alpha", GET, GET_CUSTOMER)))
    served = {spec.name: spec.adapters for spec in built.tools}
    assert served["orders.get"] == ("alpha", "zeta")
    assert served["orders.get_customer"] == ("alpha",)
    assert served["payments.refund"] == ()


def test_a_second_contract_of_the_same_name_is_refused():
    twin = type(GET)(
        name=GET.name, summary="other", input=GET.input, output=GET.output, effect=GET.effect,
        permission="none", example={},
    )  # fmt: skip
    with pytest.raises(Misconfigured):
        build_catalog.build((adapter("shop", twin),))


def test_the_file_is_the_same_on_every_machine():
    built = build_catalog.build((adapter("shop", GET),))
    text = build_catalog.render(built)
    assert text == build_catalog.render(Catalog.model_validate_json(text))
    assert json.loads(text)["tools"][0]["name"] == min(ALL)


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The build writes here instead of into the layer."""
    path = tmp_path / "catalog.json"
    monkeypatch.setattr(build_catalog, "PATH", path)
    return path


def test_a_check_changes_nothing_and_shows_what_differs(elsewhere: Path, capsys: pytest.CaptureFixture[str]):
    elsewhere.write_text("{}\n", encoding="utf-8")
    assert build_catalog.main(["--check"]) == 1
    assert elsewhere.read_text(encoding="utf-8") == "{}\n"
    assert "orders.get" in capsys.readouterr().out


def test_after_a_build_the_check_is_content(elsewhere: Path):
    assert build_catalog.main([]) == 0
    assert elsewhere.exists()
    assert build_catalog.main(["--check"]) == 0


@pytest.mark.parametrize("source", ["", "ADAPTER = 7\n"])
def test_an_adapter_folder_without_an_adapter_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str
):
    folder = tmp_path / "functions/adapters/nobody"
    folder.mkdir(parents=True)
    (folder / "tools.py").write_text(source, encoding="utf-8")
    package = importlib.import_module("functions.adapters")
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(folder.parent)])
    monkeypatch.delitem(
        importlib.import_module("sys").modules, "functions.adapters.nobody.tools", raising=False
    )
    with pytest.raises(Misconfigured):
        build_catalog.adapters(tmp_path)
