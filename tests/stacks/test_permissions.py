"""Who may do what. The snapshot is the review: a change of a permission is a line of its diff.

Write it anew with `NIGHTSHIFT_SNAPSHOT=write python -m pytest tests/stacks/test_permissions.py`.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from stacks.adapter import adapters
from tests.stacks.assembly import Assembly, Statement, readable

SNAPSHOT = Path(__file__).parent / "snapshots" / "iam.txt"
VENDORS = [adapter.name for adapter in adapters()]
APPEND_ONLY = {"dynamodb:PartiQLInsert", "dynamodb:Query"}
READ_STREAM = {
    "dynamodb:DescribeStream",
    "dynamodb:GetRecords",
    "dynamodb:GetShardIterator",
    "dynamodb:ListStreams",
}
LOG_DELIVERY = {
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
}


def _of(assembly: Assembly, holder: str) -> list[Statement]:
    found = [statement for statement in assembly.statements() if statement.holder == holder]
    assert found, f"{holder} holds nothing"
    return found


def test_permissions_are_as_reviewed(dev: Assembly) -> None:
    now = "".join(f"{line}\n" for line in readable(dev.statements()))
    if os.environ.get("NIGHTSHIFT_SNAPSHOT") == "write":
        SNAPSHOT.write_text(now, encoding="utf-8")
    assert now == SNAPSHOT.read_text(encoding="utf-8")


def test_production_grants_what_development_does(dev: Assembly, prod: Assembly) -> None:
    there = [re.sub(r"\bprod\b", "dev", str(statement)) for statement in prod.statements()]
    assert sorted(there) == sorted(str(statement) for statement in dev.statements())


@pytest.mark.guarantee("planner:has-no-hands")
def test_the_planner_has_no_hands(dev: Assembly) -> None:
    services = {statement.action.split(":")[0] for statement in _of(dev, "planner")}
    assert services == {"dynamodb", "kms", "logs"}
    writes = [
        s
        for s in _of(dev, "planner")
        if re.search("Put|Update|Delete|Write", s.action) and s.action[:3] == "dyn"
    ]
    assert {(s.action, s.resource, s.condition) for s in writes} == {
        ("dynamodb:PutItem", "RunsTable", " [LeadingKeys plan#*]")
    }


def test_the_gate_reaches_nothing_but_records(dev: Assembly) -> None:
    assert {statement.action.split(":")[0] for statement in _of(dev, "gate")} == {"dynamodb", "kms", "logs"}


def test_a_dry_run_reads_records_and_asks_tools_and_can_write_nothing(dev: Assembly) -> None:
    held = _of(dev, "dryrun")
    assert {s.action.split(":")[0] for s in held} == {"dynamodb", "kms", "lambda", "logs"}
    assert {s.action for s in held if s.action.startswith("dynamodb:")} == {
        "dynamodb:GetItem",
        "dynamodb:BatchGetItem",
    }


@pytest.mark.guarantee("log:append-only")
def test_nobody_can_overwrite_the_action_log(dev: Assembly) -> None:
    touching = [s for s in dev.statements() if s.resource.startswith("LogTable")]
    assert {s.action for s in touching if s.holder != "anchor"} == APPEND_ONLY
    partiql = [s for s in dev.statements() if "PartiQL" in s.action]
    assert {(s.action, s.resource) for s in partiql} == {("dynamodb:PartiQLInsert", "LogTable")}


@pytest.mark.guarantee("log:append-only")
def test_who_anchors_the_log_cannot_write_it_and_who_writes_it_cannot_anchor(dev: Assembly) -> None:
    on_the_log = {s.action for s in _of(dev, "anchor") if s.resource.startswith("LogTable")}
    assert on_the_log == READ_STREAM
    on_anchors = [s for s in dev.statements() if s.resource.startswith("Anchors")]
    assert {s.holder for s in on_anchors if s.action == "s3:PutObject"} == {"anchor"}
    assert not [s for s in on_anchors if re.search("Delete|Bypass|Retention|LegalHold", s.action)]
    assert {s.holder for s in dev.statements() if s.action == "kms:Sign"} == {"anchor"}


def test_nobody_deletes_the_key_that_seals_a_customers_data_or_reads_it_beside_them(dev: Assembly) -> None:
    on_subjects = [s for s in dev.statements() if s.resource == "SubjectsTable"]
    assert not [s for s in on_subjects if re.search("Delete|Update|Scan", s.action)]
    assert all("LeadingKeys" in s.condition for s in on_subjects)
    assert {s.holder for s in on_subjects if "subject#*" in s.condition and "Get" in s.action} == {
        "again",
        "api",
        "dispatcher",
    }
    unwraps = [s for s in dev.statements() if s.resource == "KeySubjects"]
    assert {s.holder for s in unwraps} == {"again", "api", "dispatcher"}
    assert all("EncryptionContext:subject *" in s.condition for s in unwraps)


def test_only_the_gate_writes_verdicts_and_only_who_proposes_writes_plans(dev: Assembly) -> None:
    def writers(prefix: str) -> set[str]:
        return {
            s.holder
            for s in dev.statements()
            if s.resource == "RunsTable" and s.action == "dynamodb:PutItem" and f"{prefix}*" in s.condition
        }

    # a person's plan comes in over the API, a workflow's when it is due
    assert writers("plan#") == {"planner", "api", "workflows"}
    assert writers("verdict#") == {"gate"}
    # the compensation of a run that failed is the runner's, under ids that no other run has
    assert writers("plan#undo_") == writers("verdict#undo_") == {"runner"}
    assert writers("outcome#") == {"runner", "again"}  # a person ends a run that was stopped
    # A person says through the API what became of an effect that nobody could tell.
    assert writers("result#") == {f"adapter-{vendor}" for vendor in VENDORS} | {"api", "runner"}
    unbounded = [
        s for s in dev.statements() if s.resource == "RunsTable" and "Put" in s.action and not s.condition
    ]
    assert not unbounded


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_vendors_functions_read_that_vendors_secrets_and_no_other(vendor: str, dev: Assembly) -> None:
    folder = f"secretsmanager secret:nightshift/dev/{vendor}/*"
    read = "secretsmanager:GetSecretValue"
    readers = {s.holder for s in dev.statements() if s.resource == folder and s.action == read}
    (adapter,) = (adapter for adapter in adapters() if adapter.name == vendor)
    assert readers == {f"adapter-{vendor}"} | ({f"webhook-{vendor}"} if adapter.hears else set())
    for holder in readers:
        writes = adapter.stores_tokens and holder == f"adapter-{vendor}"
        wanted = {(read, folder)} | ({("secretsmanager:PutSecretValue", folder)} if writes else set())
        secrets = {(s.action, s.resource) for s in _of(dev, holder) if s.action.startswith("secretsm")}
        assert secrets == wanted


def test_onboarding_writes_secrets_of_channels_and_reads_none(dev: Assembly) -> None:
    held = [s for s in _of(dev, "onboarding") if s.action.startswith("secretsmanager:")]
    on_channels = [s for s in held if "identity" not in s.resource]
    folders = {f"secretsmanager secret:nightshift/dev/{vendor}/*" for vendor in VENDORS}
    assert {s.resource for s in on_channels} == folders
    assert {s.action.removeprefix("secretsmanager:") for s in on_channels} == {
        "CreateSecret",
        "DescribeSecret",
        "PutSecretValue",
        "UpdateSecretVersionStage",
    }
    (identity,) = (s for s in held if "identity" in s.resource)
    assert identity.action == "secretsmanager:GetSecretValue"


def test_only_the_api_and_onboarding_read_the_key_that_signs_identities(dev: Assembly) -> None:
    readers = [
        s for s in dev.statements() if s.resource == "secretsmanager secret:nightshift/dev/identity-??????"
    ]
    assert {(s.holder, s.action) for s in readers} == {
        ("api", "secretsmanager:GetSecretValue"),
        ("onboarding", "secretsmanager:GetSecretValue"),
    }
    seen = [s for s in _of(dev, "api") if s.resource == "secretsmanager secret:nightshift/dev/*"]
    assert [s.action for s in seen] == ["secretsmanager:DescribeSecret"]


def test_the_machines_call_exactly_their_functions(dev: Assembly) -> None:
    def called(holder: str) -> set[str]:
        return {s.resource for s in _of(dev, holder) if s.action == "lambda:InvokeFunction"}

    tools = {f"lambda function:nightshift-dev-adapter-{vendor}" for vendor in VENDORS}
    recovery = "lambda function:nightshift-dev-recovery"
    assert called("machine case") == {"ContextFunction", "PlannerFunction", "RecorderFunction", recovery}
    assert called("machine run") == {"GateFunction", "RunnerFunction", *tools}
    assert called("context") == called("onboarding") == called("dryrun") == called("intake") == tools
    assert called("dispatcher") == {"lambda function:nightshift-dev-workflows"}
    assert called("workflows") == {"lambda function:nightshift-dev-dryrun"}
    webhooks = {f"lambda function:nightshift-dev-webhook-{a.name}" for a in adapters() if a.hears}
    assert called("recovery") == webhooks
    beside = {f"lambda function:nightshift-dev-{name}" for name in ("mail", "dryrun", "again")}
    assert called("api") == webhooks | {recovery} | beside


def test_nobody_else_calls_a_function(dev: Assembly) -> None:
    callers = {s.holder for s in dev.statements() if s.action.startswith("lambda:")}
    assert callers == {
        "machine case",
        "machine run",
        "context",
        "recovery",
        "api",
        "dryrun",
        "onboarding",
        "dispatcher",
        "intake",
        "workflows",
        "schedule sweep",
        "schedule recovery",
        "schedule workflows",
        "schedule intake",
    }


def test_no_action_is_a_wildcard_and_all_resources_only_where_aws_knows_none(dev: Assembly) -> None:
    assert not [s for s in dev.statements() if "*" in s.action]
    everything = [s for s in dev.statements() if s.resource == "*"]
    assert {s.action for s in everything} == LOG_DELIVERY
    assert {s.holder for s in everything} == {"machine case", "machine run"}


def test_only_a_traced_stage_lets_everybody_write_traces(dev: Assembly, staging: Assembly) -> None:
    assert not [s for s in dev.statements() if s.action.startswith("xray:")]
    writes = {s.holder for s in staging.statements() if s.action == "xray:PutTraceSegments"}
    assert writes == set(staging.functions()) | {"machine case", "machine run"}


def test_the_key_is_used_through_the_services_that_keep_data_and_never_directly(dev: Assembly) -> None:
    users = [s for s in dev.statements() if s.action.startswith("kms:") and s.resource == "Key"]
    assert users
    through = {"dynamodb.<region>.amazonaws.com", "s3.<region>.amazonaws.com"}
    for statement in users:
        services = re.fullmatch(r" \[ViaService (.+)\]", statement.condition)
        assert services
        assert set(services[1].split(", ")) <= through


def test_every_acknowledged_finding_has_a_reason_and_stands_beside_its_resource(synthesised: Path) -> None:
    acknowledged = []
    for file in (synthesised / "dev").glob("*.metadata.json"):
        for path, entries in json.loads(file.read_text(encoding="utf-8")).items():
            for entry in entries:
                if entry["type"] == "aws:cdk:acknowledged-rules":
                    acknowledged += [(path, rule, reason) for rule, reason in entry["data"].items()]
    assert acknowledged
    for path, rule, reason in acknowledged:
        assert path.count("/") >= 2, f"{rule} is acknowledged on a whole stack: {path}"
        assert len(reason.split()) >= 5, f"{rule} at {path} says no reason"
        if "Resource::*]" in rule:
            assert path.endswith("Machine/Role"), f"all resources, acknowledged at {path}"


def test_a_careless_resource_is_refused(synthesised: Path) -> None:
    refusal = (synthesised / "refusal.txt").read_text(encoding="utf-8")
    assert "AwsSolutions-SQS3" in refusal
    assert "AwsSolutions-SQS4" in refusal
