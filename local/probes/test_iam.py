"""With IAM enforced, each function and each state machine has its role's permissions and no more."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from local.probes.kit import ACCOUNT, INVOKE, zipped
from local.stack import LocalStack

HANDLER = """
import boto3
def handler(event, context):
    if event["op"] == "who":
        return boto3.client("sts").get_caller_identity()["Arn"]
    if event["op"] == "put":
        boto3.client("dynamodb").put_item(TableName="allowed", Item={"pk": {"S": "a"}})
        return "put"
    return boto3.client("sqs").list_queues()
"""


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    with LocalStack.start(tmp_path_factory.mktemp("strict"), enforce_iam=True) as stack:
        stack.client("dynamodb").create_table(
            TableName="allowed",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        stack.client("lambda").create_function(
            FunctionName="worker",
            Runtime="python3.11",
            Role=role(stack, "worker", "dynamodb:PutItem"),
            Handler="app.handler",
            Code={"ZipFile": zipped(HANDLER)},
            Timeout=20,
        )
        yield stack


def role(stack: LocalStack, name: str, *actions: str) -> str:
    """A role that may do this everywhere; its ARN."""
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
    policy = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": "*"}],
    }
    stack.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
    stack.client("iam").put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=json.dumps(policy))
    return f"arn:aws:iam::{ACCOUNT}:role/{name}"


def invoke(stack: LocalStack, op: str) -> Any:
    answer = stack.client("lambda").invoke(FunctionName="worker", Payload=json.dumps({"op": op}).encode())
    return json.loads(answer["Payload"].read())


def ended(stack: LocalStack, role_arn: str, name: str) -> Any:
    task = {
        "Type": "Task",
        "Resource": INVOKE,
        "Arguments": {"FunctionName": "worker", "Payload": {"op": "who"}},
        "End": True,
    }
    definition = {"QueryLanguage": "JSONata", "StartAt": "T", "States": {"T": task}}
    states = stack.client("stepfunctions")
    made = states.create_state_machine(name=name, definition=json.dumps(definition), roleArn=role_arn)
    started = states.start_execution(stateMachineArn=made["stateMachineArn"])["executionArn"]
    while (seen := states.describe_execution(executionArn=started))["status"] == "RUNNING":
        time.sleep(0.01)
    return seen


def test_a_function_acts_as_its_role(strict: LocalStack) -> None:
    assert invoke(strict, "who") == f"arn:aws:sts::{ACCOUNT}:assumed-role/worker/worker"


def test_a_function_may_do_what_its_role_allows_and_nothing_else(strict: LocalStack) -> None:
    assert invoke(strict, "put") == "put"
    assert "AccessDenied" in invoke(strict, "list")["errorMessage"]


def test_a_state_machine_may_invoke_only_with_its_role_s_permission(strict: LocalStack) -> None:
    assert ended(strict, role(strict, "may", "lambda:InvokeFunction"), "may")["status"] == "SUCCEEDED"
    refused = ended(strict, role(strict, "may-not", "dynamodb:PutItem"), "may-not")
    assert refused["error"] == "Lambda.AccessDeniedException", refused


def test_a_policy_that_demands_tls_lets_local_calls_pass(strict: LocalStack) -> None:
    insecure = {"Bool": {"aws:SecureTransport": "false"}}
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": "arn:aws:s3:::tls/*",
        "Condition": insecure,
    }
    s3 = strict.client("s3")
    s3.create_bucket(Bucket="tls")
    s3.put_bucket_policy(Bucket="tls", Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    assert s3.put_object(Bucket="tls", Key="k", Body=b"x")["ResponseMetadata"]["HTTPStatusCode"] == 200
