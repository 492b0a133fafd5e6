"""Promises and tests name each other, both ways."""

import importlib.util
from pathlib import Path
from types import ModuleType

from tests.guarantees import GUARANTEES

ROOT = Path(__file__).parents[2]


def _generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("guarantees_page", ROOT / "build" / "guarantees.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_promise_has_a_test_and_every_mark_names_a_promise():
    marked = set(_generator().marked())
    promised = {promise.id for promise in GUARANTEES}
    assert marked == promised


def test_ids_are_said_once():
    ids = [promise.id for promise in GUARANTEES]
    assert len(ids) == len(set(ids))


def test_the_page_of_guarantees_is_what_its_generator_writes():
    page = ROOT / "docs" / "guarantees.md"
    assert page.read_text(encoding="utf-8") == _generator().page()
