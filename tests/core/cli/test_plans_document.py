"""docs/plans.md shows the plan of the demo as it is, and every path that it names is one of the API."""

from __future__ import annotations

import json
import re
from pathlib import Path

from functions.api.routes import description

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs" / "plans.md").read_text(encoding="utf-8")


def test_the_plan_in_the_document_is_the_one_of_the_demo() -> None:
    (shown,) = re.findall(r"```json\n(.*?)```", TEXT, re.DOTALL)
    example = (ROOT / "demo" / "examples" / "plan.json").read_text(encoding="utf-8")
    assert json.loads(shown) == json.loads(example)


def test_every_path_that_the_document_names_is_one_of_the_api() -> None:
    table = TEXT.split("## Over HTTP")[1]
    named = set(re.findall(r"`(?:GET |POST )?(/v1/[a-z{}/-]+)`", table))
    named |= {f"/v1/runs/{{run}}/{verb}" for verb in re.findall(r"`/([a-z]+)`", table)}
    paths = set(json.loads(description())["paths"])
    assert {"/v1/plans/check", "/v1/runs/{run}/undo", "/v1/runs/{run}/close"} <= named
    assert named <= paths
