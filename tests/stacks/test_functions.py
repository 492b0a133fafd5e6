"""Functions, queues, machines and the API: bounded, logged, and none of them open to anybody."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from stacks.adapter import adapters
from stacks.limits import ARCHITECTURE, PYTHON
from tests.stacks.assembly import Assembly

ROOT = Path(__file__).parents[2]
VENDORS = [adapter.name for adapter in adapters()]
SPINE = {
    "dispatcher",
    "sweep",
    "context",
    "planner",
    "gate",
    "approvals-notifier",
    "runner",
    "recorder",
    "api",
}


def test_the_functions_are_those_of_the_path(dev: Assembly) -> None:
    edge = {f"{kind}-{vendor}" for kind in ("webhook", "adapter") for vendor in VENDORS}
    assert set(VENDORS) >= {"contact", "shopify"}
    assert set(dev.functions()) == SPINE | edge


def test_every_handler_is_a_module_on_disk(dev: Assembly) -> None:
    for name, function in dev.functions().items():
        module, _, attribute = function["Handler"].rpartition(".")
        file = ROOT / f"{module.replace('.', '/')}.py"
        assert attribute == "handler"
        assert file.is_file(), f"{name}: {file.relative_to(ROOT)} is missing"


def test_a_functions_code_is_its_own_folder_and_nothing_else(dev: Assembly) -> None:
    assets = json.loads((dev.folder / "nightshift-dev-functions.assets.json").read_text())["files"]
    packaged = [
        dev.folder / a["source"]["path"] for a in assets.values() if a["source"]["packaging"] == "zip"
    ]
    by_hash = {folder.name.removeprefix("asset."): folder for folder in packaged}
    gate = by_hash[dev.functions()["gate"]["Code"]["S3Key"].removesuffix(".zip")]
    files = {file.relative_to(gate).as_posix() for file in gate.rglob("*") if file.is_file()}

    assert {"functions/__init__.py", "functions/gate/__init__.py", "functions/gate/handler.py"} <= files
    assert {path for path in files if not path.startswith("functions/gate/")} == {"functions/__init__.py"}
    assert not [path for path in files if "__pycache__" in path]


def test_a_nested_folder_brings_the_packages_above_it(dev: Assembly) -> None:
    key = dev.functions()["approvals-notifier"]["Code"]["S3Key"].removesuffix(".zip")
    folder = dev.folder / f"asset.{key}" / "functions"
    assert (folder / "approvals" / "__init__.py").is_file()
    assert (folder / "approvals" / "notifier" / "handler.py").is_file()


def test_every_function_runs_on_the_one_runtime(dev: Assembly) -> None:
    for function in dev.functions().values():
        assert function["Runtime"] == f"python{PYTHON}"
        assert function["Architectures"] == [ARCHITECTURE]


def test_every_function_has_a_role_of_its_own(dev: Assembly) -> None:
    assert len({json.dumps(f["Role"]) for f in dev.functions().values()}) == len(dev.functions())


def test_no_role_holds_a_managed_policy(dev: Assembly) -> None:
    for role in dev.of_type("AWS::IAM::Role"):
        assert not role.properties.get("ManagedPolicyArns"), role.id
        assert not role.properties.get("Policies"), role.id


def test_every_log_group_ends(dev: Assembly, prod: Assembly) -> None:
    for assembly, days in ((dev, 7), (prod, 180)):
        groups = assembly.of_type("AWS::Logs::LogGroup")
        assert {group.properties["RetentionInDays"] for group in groups} == {days}
        logged = {f"/aws/lambda/{function['FunctionName']}" for function in assembly.functions().values()}
        assert logged <= {group.properties["LogGroupName"] for group in groups}


def test_a_vendors_tools_cannot_take_all_concurrency(dev: Assembly) -> None:
    limits = {adapter.name: adapter.concurrency for adapter in adapters()}
    for name, function in dev.functions().items():
        vendor = name.removeprefix("adapter-")
        wanted = limits[vendor] if name.startswith("adapter-") else None
        assert function.get("ReservedConcurrentExecutions") == wanted


def test_no_function_has_a_url_and_only_the_api_may_call_one_from_outside(dev: Assembly) -> None:
    assert not [r for r in dev.resources if r.type == "AWS::Lambda::Url"]
    for permission in dev.of_type("AWS::Lambda::Permission"):
        assert permission.properties["Principal"] == "apigateway.amazonaws.com"
        assert permission.properties["Action"] == "lambda:InvokeFunction"
        assert "SourceArn" in permission.properties


def test_every_queue_is_fifo_encrypted_and_has_a_dead_letter_queue(dev: Assembly) -> None:
    queues = {queue.id: queue.properties for queue in dev.of_type("AWS::SQS::Queue")}
    dead = {
        queue["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0]
        for queue in queues.values()
        if "RedrivePolicy" in queue
    }
    assert len(dead) == 2
    for name, queue in queues.items():
        assert queue["FifoQueue"] is True
        assert queue["SqsManagedSseEnabled"] is True
        assert ("RedrivePolicy" in queue) != (name in dead)
        assert name not in dead or queue["MessageRetentionPeriod"] == 14 * 86_400


def test_no_queue_answers_without_tls(dev: Assembly) -> None:
    guarded = set()
    for policy in dev.of_type("AWS::SQS::QueuePolicy"):
        statements = policy.properties["PolicyDocument"]["Statement"]
        if any(s["Condition"] == {"Bool": {"aws:SecureTransport": "false"}} for s in statements):
            guarded |= {queue["Ref"] for queue in policy.properties["Queues"]}
    assert guarded == {queue.id for queue in dev.of_type("AWS::SQS::Queue")}


def test_a_message_stays_hidden_six_times_as_long_as_its_consumer_may_take(dev: Assembly) -> None:
    functions = {function["FunctionName"]: function for function in dev.functions().values()}
    by_id = {f.id: f.properties["FunctionName"] for f in dev.of_type("AWS::Lambda::Function")}
    queues = {dev.readable(q.stack, {"Ref": q.id}): q.properties for q in dev.of_type("AWS::SQS::Queue")}
    mappings = dev.of_type("AWS::Lambda::EventSourceMapping")
    assert len(mappings) == 2
    for mapping in mappings:
        queue = queues[dev.readable(mapping.stack, mapping.properties["EventSourceArn"])]
        consumer = functions[by_id[mapping.properties["FunctionName"]["Ref"]]]
        assert queue["VisibilityTimeout"] >= 6 * consumer["Timeout"]


def test_one_bad_message_does_not_send_its_batch_back(dev: Assembly) -> None:
    for mapping in dev.of_type("AWS::Lambda::EventSourceMapping"):
        assert mapping.properties["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_the_machines_are_standard_and_log_no_data(dev: Assembly) -> None:
    machines = dev.of_type("AWS::StepFunctions::StateMachine")
    assert {m.properties["StateMachineName"] for m in machines} == {
        "nightshift-dev-case",
        "nightshift-dev-run",
    }
    for machine in machines:
        assert machine.properties["StateMachineType"] == "STANDARD"
        logging = machine.properties["LoggingConfiguration"]
        assert (logging["Level"], logging["IncludeExecutionData"]) == ("ERROR", False)


@pytest.mark.parametrize("name", ["case", "run"])
def test_every_name_a_machine_leaves_open_is_filled_in(name: str, dev: Assembly) -> None:
    definition = (ROOT / "statemachines" / f"{name}.asl.json").read_text(encoding="utf-8")
    (machine,) = (
        m
        for m in dev.of_type("AWS::StepFunctions::StateMachine")
        if m.properties["StateMachineName"].endswith(name)
    )
    assert set(machine.properties["DefinitionSubstitutions"]) == set(re.findall(r"\$\{(\w+)\}", definition))
    assert json.loads(machine.properties["DefinitionString"]) == json.loads(definition)


def test_the_api_has_one_route_per_vendor_and_one_for_itself(dev: Assembly) -> None:
    routes = {route.properties["RouteKey"] for route in dev.of_type("AWS::ApiGatewayV2::Route")}
    hooks = {f"POST /webhooks/{vendor}/{{tenant}}/{{channel}}" for vendor in VENDORS}
    assert routes == hooks | {"ANY /v1/{proxy+}"}


def test_the_api_is_throttled_and_logs_no_header_query_or_body(dev: Assembly) -> None:
    (stage,) = dev.of_type("AWS::ApiGatewayV2::Stage")
    limits = stage.properties["DefaultRouteSettings"]
    assert (limits["ThrottlingRateLimit"], limits["ThrottlingBurstLimit"]) == (20, 40)
    logged = json.loads(stage.properties["AccessLogSettings"]["Format"])
    assert logged["request"] == "$context.requestId"
    assert not re.search(r"header|query|body|path\b|authorizer|sourceIp", json.dumps(logged), re.IGNORECASE)


def test_the_sweep_runs_every_minute(dev: Assembly) -> None:
    (schedule,) = dev.of_type("AWS::Scheduler::Schedule")
    assert schedule.properties["ScheduleExpression"] == "rate(1 minute)"
    sweep = next(
        f for f in dev.of_type("AWS::Lambda::Function") if f.properties["FunctionName"].endswith("-sweep")
    )
    assert schedule.properties["Target"]["Arn"] == {"Fn::GetAtt": [sweep.id, "Arn"]}


def test_every_alarm_says_what_it_means_and_tells_the_topic(dev: Assembly) -> None:
    (topic,) = dev.of_type("AWS::SNS::Topic")
    alarms = {
        a.properties["AlarmName"].removeprefix("nightshift-dev-"): a.properties
        for a in dev.of_type("AWS::CloudWatch::Alarm")
    }
    wanted = {f"{queue}-{fault}" for queue in ("events", "approvals") for fault in ("dead", "late")}
    wanted |= {
        f"{machine}-{end}" for machine in ("case", "run") for end in ("failed", "timed-out", "aborted")
    }
    assert set(alarms) == wanted | {"sweep-failing", "sweep-silent"}
    for alarm in alarms.values():
        assert alarm["AlarmActions"] == [{"Ref": topic.id}]
        assert alarm["AlarmDescription"]
    assert alarms["sweep-silent"]["TreatMissingData"] == "breaching"


def test_what_a_local_run_needs_is_among_the_outputs(dev: Assembly) -> None:
    tables = {
        f"Table{name}"
        for name in ("Ingress", "Cases", "Runs", "Ledger", "Log", "Approvals", "Memory", "Config")
    }
    others = {
        "ApiUrl",
        "ApiId",
        "QueueEvents",
        "QueueApprovals",
        "MachineCase",
        "MachineRun",
        "BucketBodies",
        "SecretIdentity",
    }
    assert tables | others <= set(dev.outputs())
