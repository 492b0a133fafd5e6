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
HEARD = [adapter.name for adapter in adapters() if adapter.hears]
CALLERS = {"apigateway.amazonaws.com", "events.amazonaws.com"}
SPINE = {
    "mail",
    "dispatcher",
    "sweep",
    "recovery",
    "anchor",
    "onboarding",
    "context",
    "planner",
    "gate",
    "approvals-notifier",
    "runner",
    "recorder",
    "api",
    "dryrun",
    "again",
    "workflows",
    "intake",
}


def test_the_functions_are_those_of_the_path(dev: Assembly) -> None:
    edge = {f"adapter-{vendor}" for vendor in VENDORS} | {f"webhook-{vendor}" for vendor in HEARD}
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


def test_the_one_managed_policy_of_production_is_aws_backups_own(prod: Assembly) -> None:
    holding = [r for r in prod.of_type("AWS::IAM::Role") if r.properties.get("ManagedPolicyArns")]
    (role,) = holding
    (trusted,) = role.properties["AssumeRolePolicyDocument"]["Statement"]
    assert trusted["Principal"] == {"Service": "backup.amazonaws.com"}
    assert "AWSBackupServiceRolePolicyForBackup" in json.dumps(role.properties["ManagedPolicyArns"])


def test_every_log_group_ends(dev: Assembly, prod: Assembly) -> None:
    for assembly, days in ((dev, 7), (prod, 180)):
        groups = assembly.of_type("AWS::Logs::LogGroup")
        assert {group.properties["RetentionInDays"] for group in groups} == {days}
        logged = {f"/aws/lambda/{function['FunctionName']}" for function in assembly.functions().values()}
        assert logged <= {group.properties["LogGroupName"] for group in groups}


def test_a_vendors_tools_cannot_take_all_concurrency(dev: Assembly) -> None:
    limits = {f"adapter-{adapter.name}": adapter.concurrency for adapter in adapters()} | {"mail": 5}
    for name, function in dev.functions().items():
        assert function.get("ReservedConcurrentExecutions") == limits.get(name), name


def test_no_function_has_a_url_and_only_the_api_and_events_of_the_account_may_call_one(
    dev: Assembly, staging: Assembly
) -> None:
    for assembly, callers in ((dev, CALLERS), (staging, CALLERS | {"ses.amazonaws.com"})):
        assert not [r for r in assembly.resources if r.type == "AWS::Lambda::Url"]
        permissions = assembly.of_type("AWS::Lambda::Permission")
        assert {permission.properties["Principal"] for permission in permissions} == callers
        for permission in permissions:
            assert permission.properties["Action"] == "lambda:InvokeFunction"
            assert "SourceArn" in permission.properties


def test_a_mail_that_nobody_can_read_ends_where_an_alarm_looks(dev: Assembly) -> None:
    (dead,) = (q for q in dev.of_type("AWS::SQS::Queue") if "FifoQueue" not in q.properties)
    target = dev.functions()["mail"]["DeadLetterConfig"]["TargetArn"]
    assert dev.readable("nightshift-dev-mail", target) == dev.readable(dead.stack, {"Ref": dead.id})
    assert dead.properties["SqsManagedSseEnabled"] is True
    assert dead.properties["MessageRetentionPeriod"] == 14 * 86_400


def test_every_queue_of_the_path_is_fifo_encrypted_and_has_a_dead_letter_queue(dev: Assembly) -> None:
    found = [queue for queue in dev.of_type("AWS::SQS::Queue") if queue.id[:8] != "MailDead"]
    queues = {queue.id: queue.properties for queue in found}
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
    mappings = [m for m in dev.of_type("AWS::Lambda::EventSourceMapping") if m.id[:6] != "Anchor"]
    assert len(mappings) == 2
    for mapping in mappings:
        queue = queues[dev.readable(mapping.stack, mapping.properties["EventSourceArn"])]
        consumer = functions[by_id[mapping.properties["FunctionName"]["Ref"]]]
        assert queue["VisibilityTimeout"] >= 6 * consumer["Timeout"]


def test_one_bad_message_does_not_send_its_batch_back(dev: Assembly) -> None:
    for mapping in dev.of_type("AWS::Lambda::EventSourceMapping"):
        assert mapping.properties["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_the_log_is_anchored_until_it_leaves_the_stream(dev: Assembly, prod: Assembly) -> None:
    for assembly, gathered in ((dev, 5), (prod, 300)):
        (mapping,) = (m for m in assembly.of_type("AWS::Lambda::EventSourceMapping") if m.id[:6] == "Anchor")
        properties = mapping.properties
        assert properties["MaximumBatchingWindowInSeconds"] == gathered
        assert properties["MaximumRetryAttempts"] == -1
        assert properties["StartingPosition"] == "TRIM_HORIZON"
        assert properties["FilterCriteria"] == {"Filters": [{"Pattern": '{"eventName":["INSERT"]}'}]}


def test_recovery_hears_of_every_execution_that_ended_badly(dev: Assembly) -> None:
    (rule,) = (r for r in dev.of_type("AWS::Events::Rule") if "Recovery" in r.id)
    detail = rule.properties["EventPattern"]["detail"]
    assert detail["status"] == ["FAILED", "TIMED_OUT", "ABORTED"]
    machines = {dev.readable(rule.stack, arn) for arn in detail["stateMachineArn"]}
    assert machines == {"CaseMachine", "RunMachine"}
    (target,) = rule.properties["Targets"]
    assert dev.readable(rule.stack, target["Arn"]) == "RecoveryFunction"


def test_mail_is_received_only_where_a_deployment_asks_for_it(dev: Assembly, staging: Assembly) -> None:
    assert not [r for r in dev.resources if r.type.startswith("AWS::SES::Receipt")]
    (rule,) = staging.of_type("AWS::SES::ReceiptRule")
    said = rule.properties["Rule"]
    assert (said["Recipients"], said["ScanEnabled"], said["TlsPolicy"]) == (["shop.example"], True, "Require")
    stored, called = said["Actions"]
    assert stored["S3Action"]["ObjectKeyPrefix"] == "inbound/"
    assert called["LambdaAction"]["InvocationType"] == "Event"
    (rules,) = staging.of_type("AWS::SES::ReceiptRuleSet")
    assert rules.properties["RuleSetName"] == "nightshift-staging-mail"


def test_a_channel_may_name_no_internal_host_on_aws(dev: Assembly, staging: Assembly, prod: Assembly) -> None:
    for assembly in (dev, staging, prod):
        settings = assembly.functions()["onboarding"]["Environment"]["Variables"]
        assert settings["INTERNAL_HOSTS"] == ""


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
    hooks = {f"POST /webhooks/{vendor}/{{tenant}}/{{channel}}" for vendor in HEARD}
    assert routes == hooks | {"ANY /v1/{proxy+}", "ANY /v1/setup/{proxy+}"}


def test_the_api_is_throttled_and_logs_no_header_query_or_body(dev: Assembly) -> None:
    (stage,) = dev.of_type("AWS::ApiGatewayV2::Stage")
    limits = stage.properties["DefaultRouteSettings"]
    assert (limits["ThrottlingRateLimit"], limits["ThrottlingBurstLimit"]) == (20, 40)
    logged = json.loads(stage.properties["AccessLogSettings"]["Format"])
    assert logged["request"] == "$context.requestId"
    assert not re.search(r"header|query|body|path\b|authorizer|sourceIp", json.dumps(logged), re.IGNORECASE)


def test_what_goes_by_the_clock_runs_every_minute(dev: Assembly) -> None:
    called = {}
    for schedule in dev.of_type("AWS::Scheduler::Schedule"):
        assert schedule.properties["ScheduleExpression"] == "rate(1 minute)"
        target = schedule.properties["Target"]
        called[dev.readable(schedule.stack, target["Arn"])] = json.loads(target["Input"])
    assert called == {
        "SweepFunction": {},
        "RecoveryFunction": {"op": "sweep"},
        "WorkflowsFunction": {"op": "tick"},
        "IntakeFunction": {},
    }


def test_what_a_local_run_needs_is_among_the_outputs(dev: Assembly) -> None:
    tables = {
        f"Table{name}"
        for name in (
            "Ingress",
            "Cases",
            "Runs",
            "Ledger",
            "Log",
            "Approvals",
            "Memory",
            "Limits",
            "Subjects",
            "Config",
        )
    }
    others = {
        "ApiUrl",
        "ApiId",
        "QueueEvents",
        "QueueApprovals",
        "MachineCase",
        "MachineRun",
        "BucketBodies",
        "BucketMail",
        "BucketAnchors",
        "SecretIdentity",
    }
    assert tables | others <= set(dev.outputs())
