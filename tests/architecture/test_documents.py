"""What the documents for people say is there is there."""

import re
from pathlib import Path

import pytest

from demo.stories import STORIES
from nightshift.cli import main as cli
from nightshift.cli.sending import read
from nightshift.clock import SystemClock

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "docs/vocabulary.md")
_LINK = re.compile(r"\]\(([^)#]+)(?:#[^)]*)?\)")


def _targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


def _commands() -> set[str]:
    outside = cli.Outside(clock=SystemClock(), identity_key=str, console=cli.Console())
    app = cli.build(outside)
    named = {
        command.name or command.callback.__name__ for command in app.registered_commands if command.callback
    }
    return named | {group.name for group in app.registered_groups if group.name}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_link_leads_somewhere(document: str):
    place = ROOT / document
    links = [link for link in _LINK.findall(place.read_text(encoding="utf-8")) if "://" not in link]
    assert [link for link in links if not (place.parent / link).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_make_target_and_command_exists(document: str):
    text = (ROOT / document).read_text(encoding="utf-8")
    assert set(re.findall(r"(?:^|`|\$ )make ([a-z]+)", text, re.MULTILINE)) <= _targets()
    assert set(re.findall(r"bin/nightshift ([a-z]+)", text)) <= _commands()


def test_the_readme_says_how_many_stories_there_are():
    assert len(STORIES) == 10
    assert "ten stories" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_each_phony_target_is_listed_with_one_line_of_help():
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    phony = re.search(r"^\.PHONY: (.*)$", text, re.MULTILINE)
    assert phony is not None
    assert set(phony[1].split()) == _targets()


@pytest.mark.parametrize("example", sorted((ROOT / "demo" / "examples").glob("*.json")), ids=lambda p: p.name)
def test_every_example_can_be_sent(example: Path):
    assert read(example).tenant == "demo-store"
