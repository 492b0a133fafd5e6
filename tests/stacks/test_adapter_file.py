"""A wrong `adapter.toml` is refused by file and field, before anything is synthesised."""

from __future__ import annotations

from pathlib import Path

import pytest

from stacks.adapter import Adapter, AdapterFileWrong, adapters

GOOD = 'name = "acme"\ntopics = ["sold"]\n[limits]\nconcurrency = 3\n'


def _write(folder: Path, text: str) -> Path:
    (folder / "acme").mkdir()
    (folder / "acme" / "adapter.toml").write_text(text, encoding="utf-8")
    return folder


def test_an_adapter_is_what_its_file_says(tmp_path: Path) -> None:
    assert adapters(_write(tmp_path, GOOD)) == (Adapter(name="acme", concurrency=3),)


@pytest.mark.parametrize(
    ("text", "field"),
    [
        (GOOD.replace("acme", "other"), "name"),
        (GOOD.replace('name = "acme"', ""), "name"),
        (GOOD.replace("3", "0"), "limits.concurrency"),
        (GOOD.replace("3", "true"), "limits.concurrency"),
        (GOOD.replace("3", '"many"'), "limits.concurrency"),
        ('name = "acme"\n', "limits.concurrency"),
        ('name = "acme"\nlimits = 3\n', "limits.concurrency"),
        (GOOD.replace('["sold"]', '"sold"'), "topics"),
        (GOOD.replace("topics", "topic"), "topics"),
        ("sends_mail = 1\n" + GOOD, "sends_mail"),
        ('stores_tokens = "yes"\n' + GOOD, "stores_tokens"),
    ],
)
def test_a_wrong_field_is_named(text: str, field: str, tmp_path: Path) -> None:
    with pytest.raises(AdapterFileWrong, match=f"acme/adapter.toml: `{field}`"):
        adapters(_write(tmp_path, text))


def test_what_an_adapter_needs_beside_is_what_its_file_says(tmp_path: Path) -> None:
    text = "sends_mail = true\nstores_tokens = true\n" + GOOD.replace('"sold"', "")
    (adapter,) = adapters(_write(tmp_path, text))
    assert adapter == Adapter(name="acme", concurrency=3, hears=False, stores_tokens=True, sends_mail=True)


def test_a_file_that_is_no_toml_is_named(tmp_path: Path) -> None:
    with pytest.raises(AdapterFileWrong, match=r"acme/adapter\.toml: "):
        adapters(_write(tmp_path, "name ="))
