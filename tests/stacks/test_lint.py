"""cfn-lint over the synthesised templates."""

from __future__ import annotations

import re
from pathlib import Path

from cfnlint.api import ManualArgs, lint_file

IGNORED = ["W3005"]  # CDK writes dependencies out that references already imply

# In JSONata, TimeoutSeconds may be an expression (States Language, "Timeouts"); cfn-lint says number.
EXPRESSION_AS_TIMEOUT = re.compile(
    r"'\{% .+ %\}' is not of type 'number' at 'States/(Ask|Sleep)/TimeoutSeconds'"
)


def _findings(template: Path) -> list[str]:
    found = lint_file(template, config=ManualArgs(ignore_checks=IGNORED))
    return [f"{template.name}:{match.linenumber} {match.rule.id} {match.message}" for match in found]


def test_cfn_lint_finds_nothing(synthesised: Path) -> None:
    templates = sorted(synthesised.glob("staging/*.template.json"))  # with every option
    templates += synthesised.glob("prod/*-backup.template.json")
    assert len(templates) == 10
    findings = [finding for template in templates for finding in _findings(template)]
    assert [finding for finding in findings if not EXPRESSION_AS_TIMEOUT.search(finding)] == []


def test_cfn_lint_reads_the_state_machines(synthesised: Path, tmp_path: Path) -> None:
    template = (synthesised / "dev" / "nightshift-dev-functions.template.json").read_text(encoding="utf-8")
    broken = tmp_path / "broken.template.json"
    broken.write_text(template.replace('\\"Arguments\\"', '\\"Argumentz\\"', 1), encoding="utf-8")
    assert any("E3601" in finding and "Argumentz" in finding for finding in _findings(broken))
