"""With IAM enforced, each function and each state machine has its role's permissions and no more."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.probes.kit import ACCOUNT, INVOKE, REGION, unique, zipped
from local.stack import LocalStack

Clients = Callable[[str], Any]

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


def test_a_policy_can_demand_that_nothing_is_put_over(strict: LocalStack) -> None:
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:PutObject",
        "Resource": "arn:aws:s3:::once/*",
        "Condition": {"Null": {"s3:if-none-match": "true"}},
    }
    s3 = strict.client("s3")
    s3.create_bucket(Bucket="once")
    s3.put_bucket_policy(
        Bucket="once", Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    )
    writer = acting_with(strict, grant("s3:PutObject"))("s3")
    with pytest.raises(ClientError, match="AccessDenied"):
        writer.put_object(Bucket="once", Key="k", Body=b"x")
    assert writer.put_object(Bucket="once", Key="k", Body=b"x", IfNoneMatch="*")["ETag"]


def test_a_key_is_used_only_for_what_its_conditions_name(strict: LocalStack) -> None:
    wraps = strict.client("kms").create_key()["KeyMetadata"]["Arn"]
    signs = strict.client("kms").create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"][
        "Arn"
    ]
    of_somebody = {"kms:EncryptionContext:subject": "*"}
    one_way = {"kms:SigningAlgorithm": "ECDSA_SHA_256"}
    kms = acting_with(
        strict,
        grant("kms:GenerateDataKey", wraps, StringLike=of_somebody),
        grant("kms:Sign", signs, StringEquals=one_way),
    )("kms")

    def wrap(**context: str) -> None:
        kms.generate_data_key(KeyId=wraps, KeySpec="AES_256", EncryptionContext=context)

    assert not is_refused(lambda: wrap(subject="maria"))
    assert is_refused(lambda: wrap(tenant="acme"))
    assert kms.sign(KeyId=signs, Message=b"head", SigningAlgorithm="ECDSA_SHA_256")["Signature"]


# -- what is checked, and on which resource


def grant(actions: list[str] | str, resource: list[str] | str = "*", **condition: Any) -> dict[str, Any]:
    """A statement; a condition's operator is written with `_` for `:`."""
    conditions = {"Condition": {key.replace("_", ":"): value for key, value in condition.items()}}
    statement = {"Effect": "Allow", "Action": actions, "Resource": resource}
    return {**statement, **(conditions if condition else {})}


def mine(operator: str, *keys: str) -> dict[str, Any]:
    return {operator: {"dynamodb:LeadingKeys": list(keys)}}


def acting_with(stack: LocalStack, *statements: dict[str, Any]) -> Clients:
    """Clients of somebody who may do this and nothing else."""
    name = unique("who")
    trust = [{"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}]
    iam = stack.client("iam")
    made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({"Statement": trust}))
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=policy)
    session = stack.client("sts").assume_role(RoleArn=made["Role"]["Arn"], RoleSessionName=name)
    keys = session["Credentials"]
    credentials = {
        "aws_access_key_id": keys["AccessKeyId"],
        "aws_secret_access_key": keys["SecretAccessKey"],
        "aws_session_token": keys["SessionToken"],
    }
    return lambda service: stack.client(service, **credentials)


def is_refused(call: Callable[[], Any]) -> bool:
    """Whether the answer is a refusal; any other error is the probe's."""
    try:
        call()
    except ClientError as error:
        assert error.response["Error"]["Code"] == "AccessDeniedException", error
        return True
    return False


def table_arn(name: str) -> str:
    return f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{name}"


@pytest.fixture
def table(strict: LocalStack) -> str:
    """With `pk`, and an index by `g`."""
    name = unique("tb")
    strict.client("dynamodb").create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in ("pk", "g")],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by-g",
                "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    return name


def statements_on(table: str, key: str) -> dict[str, dict[str, Any]]:
    """One of each kind, by the permission it needs."""
    parameters = [{"S": key}]
    texts = {
        "Insert": f"INSERT INTO \"{table}\" VALUE {{'pk': ?}}",
        "Select": f'SELECT * FROM "{table}" WHERE pk = ?',
        "Update": f'UPDATE "{table}" SET n = 1 WHERE pk = ?',
        "Delete": f'DELETE FROM "{table}" WHERE pk = ?',
    }
    return {kind: {"Statement": text, "Parameters": parameters} for kind, text in texts.items()}


@pytest.mark.parametrize("kind", ["Insert", "Select", "Update", "Delete"])
def test_a_statement_needs_the_permission_for_what_it_does(strict: LocalStack, table: str, kind: str) -> None:
    strict.client("dynamodb").put_item(TableName=table, Item={"pk": {"S": "there"}})
    mine_alone = acting_with(strict, grant(f"dynamodb:PartiQL{kind}", table_arn(table)))("dynamodb")
    allowed = {
        one
        for one, statement in statements_on(table, "new" if kind == "Insert" else "there").items()
        if not is_refused(lambda said=statement: mine_alone.execute_statement(**said))  # type: ignore[misc]
    }
    assert allowed == {kind}


def test_the_permission_for_the_api_call_alone_is_not_enough(strict: LocalStack, table: str) -> None:
    caller = acting_with(strict, grant("dynamodb:ExecuteStatement"))("dynamodb")
    assert is_refused(lambda: caller.execute_statement(**statements_on(table, "a")["Insert"]))


def test_a_statement_on_an_index_needs_permission_on_the_index(strict: LocalStack, table: str) -> None:
    select = {"Statement": f'SELECT * FROM "{table}"."by-g" WHERE g = ?', "Parameters": [{"S": "x"}]}
    index = f"{table_arn(table)}/index/by-g"
    on_table = acting_with(strict, grant("dynamodb:PartiQLSelect", table_arn(table)))("dynamodb")
    on_index = acting_with(strict, grant("dynamodb:PartiQLSelect", index))("dynamodb")
    assert is_refused(lambda: on_table.execute_statement(**select))
    assert on_index.execute_statement(**select)["Items"] == []


@pytest.mark.parametrize(
    ("call", "field"),
    [("execute_transaction", "TransactStatements"), ("batch_execute_statement", "Statements")],
)
def test_each_statement_is_checked(strict: LocalStack, table: str, call: str, field: str) -> None:
    inserts = [statements_on(name, call)["Insert"] for name in (table, "allowed")]
    caller = acting_with(strict, grant("dynamodb:PartiQLInsert", table_arn(table)))("dynamodb")
    assert is_refused(lambda: getattr(caller, call)(**{field: inserts}))
    assert not is_refused(lambda: getattr(caller, call)(**{field: inserts[:1]}))


def token_of(stack: LocalStack, machine: str) -> str:
    """Of an execution that waits for an answer."""
    sqs, states = stack.client("sqs"), stack.client("stepfunctions")
    queue = sqs.create_queue(QueueName=machine)["QueueUrl"]
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
        "Arguments": {"QueueUrl": queue, "MessageBody": "{% $states.context.Task.Token %}"},
        "End": True,
    }
    definition = json.dumps({"QueryLanguage": "JSONata", "StartAt": "T", "States": {"T": task}})
    role_arn = role(stack, machine, "sqs:SendMessage")
    made = states.create_state_machine(name=machine, definition=definition, roleArn=role_arn)
    states.start_execution(stateMachineArn=made["stateMachineArn"])
    return str(sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=10)["Messages"][0]["Body"])


ANSWERS: dict[str, Callable[[Any, str], Any]] = {
    "SendTaskSuccess": lambda states, token: states.send_task_success(taskToken=token, output="1"),
    "SendTaskFailure": lambda states, token: states.send_task_failure(taskToken=token),
    "SendTaskHeartbeat": lambda states, token: states.send_task_heartbeat(taskToken=token),
}


@pytest.mark.parametrize("action", ANSWERS)
def test_an_answer_needs_permission_on_the_token_s_machine(strict: LocalStack, action: str) -> None:
    machine = unique("mine")
    mine_only = grant(f"states:{action}", f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{machine}")
    caller = acting_with(strict, mine_only)("stepfunctions")
    anywhere = acting_with(strict, grant(f"states:{action}"))("stepfunctions")
    answer = ANSWERS[action]
    own, other = token_of(strict, machine), token_of(strict, unique("other"))
    assert is_refused(lambda: answer(caller, other))
    assert not is_refused(lambda: answer(caller, own))
    assert not is_refused(lambda: answer(anywhere, other))


def test_an_activity_s_answer_needs_permission_on_the_activity(strict: LocalStack) -> None:
    states = strict.client("stepfunctions")
    activity = states.create_activity(name=unique("act"))["activityArn"]
    task = {"Type": "Task", "Resource": activity, "End": True}
    made = states.create_state_machine(
        name=unique("sm"),
        definition=json.dumps({"StartAt": "T", "States": {"T": task}}),
        roleArn=role(strict, unique("role"), "sqs:SendMessage"),
    )["stateMachineArn"]
    states.start_execution(stateMachineArn=made)
    token = states.get_activity_task(activityArn=activity)["taskToken"]
    on_machine, on_activity = (
        acting_with(strict, grant("states:SendTaskSuccess", arn))("stepfunctions") for arn in (made, activity)
    )
    assert is_refused(lambda: on_machine.send_task_success(taskToken=token, output="1"))
    assert not is_refused(lambda: on_activity.send_task_success(taskToken=token, output="1"))


def key(value: str) -> dict[str, Any]:
    return {"pk": {"S": value}}


def said(kind: str) -> Callable[[Any, str, str], Any]:
    return lambda db, table, pk: db.execute_statement(**statements_on(table, pk)[kind])


ITEM_CALLS: dict[str, Callable[[Any, str, str], Any]] = {
    "GetItem": lambda db, table, pk: db.get_item(TableName=table, Key=key(pk)),
    "PutItem": lambda db, table, pk: db.put_item(TableName=table, Item=key(pk)),
    "UpdateItem": lambda db, table, pk: db.update_item(TableName=table, Key=key(pk)),
    "DeleteItem": lambda db, table, pk: db.delete_item(TableName=table, Key=key(pk)),
    "BatchGetItem": lambda db, table, pk: db.batch_get_item(
        RequestItems={table: {"Keys": [key("mine#0"), key(pk)]}}
    ),
    "BatchWriteItem": lambda db, table, pk: db.batch_write_item(
        RequestItems={table: [{"PutRequest": {"Item": key("mine#0")}}, {"DeleteRequest": {"Key": key(pk)}}]}
    ),
    "Query": lambda db, table, pk: db.query(
        TableName=table,
        KeyConditionExpression="#p = :p",
        ExpressionAttributeNames={"#p": "pk"},
        ExpressionAttributeValues={":p": {"S": pk}},
    ),
    "Query, as it was": lambda db, table, pk: db.query(
        TableName=table,
        KeyConditions={"pk": {"ComparisonOperator": "EQ", "AttributeValueList": [{"S": pk}]}},
    ),
    "Query of an index": lambda db, table, g: db.query(
        TableName=table,
        IndexName="by-g",
        KeyConditionExpression="g = :g",
        ExpressionAttributeValues={":g": {"S": g}},
    ),
    "a table by its ARN": lambda db, table, pk: db.get_item(TableName=table_arn(table), Key=key(pk)),
    **{f"PartiQL {kind}": said(kind) for kind in ("Insert", "Select", "Update", "Delete")},
    "PartiQL Select of several": lambda db, table, pk: db.execute_statement(
        Statement=f"SELECT * FROM \"{table}\" WHERE pk IN ['mine#0', ?]", Parameters=[{"S": pk}]
    ),
}


@pytest.mark.parametrize("operator", ["ForAllValues_StringLike", "ForAllValues_StringEquals"])
@pytest.mark.parametrize("call", ITEM_CALLS.values(), ids=ITEM_CALLS)
def test_leading_keys_hold_a_role_to_its_items(
    strict: LocalStack, table: str, call: Callable[[Any, str, str], Any], operator: str
) -> None:
    for one in ("mine#1", "theirs#1"):
        if call is not ITEM_CALLS["PartiQL Insert"]:
            strict.client("dynamodb").put_item(TableName=table, Item=key(one))
    keys = ("mine#*",) if operator.endswith("Like") else ("mine#0", "mine#1")
    caller = acting_with(strict, grant("dynamodb:*", f"{table_arn(table)}*", **mine(operator, *keys)))
    assert is_refused(lambda: call(caller("dynamodb"), table, "theirs#1"))
    assert not is_refused(lambda: call(caller("dynamodb"), table, "mine#1"))


def test_leading_keys_do_not_hold_back_a_scan(strict: LocalStack, table: str) -> None:
    strict.client("dynamodb").put_item(TableName=table, Item=key("theirs#1"))
    only_mine = mine("ForAllValues_StringLike", "mine#*")
    caller = acting_with(strict, grant("dynamodb:Scan", table_arn(table), **only_mine))("dynamodb")
    assert caller.scan(TableName=table)["Count"] == 1


def test_each_item_of_a_transaction_is_checked(strict: LocalStack, table: str) -> None:
    def only(action: str, keys: str) -> dict[str, Any]:
        return grant(f"dynamodb:{action}", table_arn(table), **mine("ForAllValues_StringLike", keys))

    strict.client("dynamodb").put_item(TableName=table, Item=key("read#1"))
    grants = only("PutItem", "a#*"), only("PutItem", "b#*"), only("ConditionCheckItem", "read#*")
    caller = acting_with(strict, *grants)("dynamodb")

    def write(checked: str, *puts: str) -> Callable[[], Any]:
        there = {"TableName": table, "Key": key(checked), "ConditionExpression": "attribute_exists(pk)"}
        items = [{"Put": {"TableName": table, "Item": key(put)}} for put in puts]
        return lambda: caller.transact_write_items(TransactItems=[{"ConditionCheck": there}, *items])

    assert is_refused(write("read#1", "a#1", "c#1"))
    assert is_refused(write("a#1", "b#1"))
    assert not is_refused(write("read#1", "a#1", "b#1"))


def test_what_was_refused_is_counted(strict: LocalStack, table: str) -> None:
    caller = acting_with(strict, grant("dynamodb:GetItem", table_arn(table)))
    caller("dynamodb").get_item(TableName=table, Key=key("a"))
    assert is_refused(lambda: caller("dynamodb").put_item(TableName=table, Item=key("a")))
    principal = caller("sts").get_caller_identity()["Arn"]
    refusals = [one for one in strict.stats()["refusals"] if one["principal"] == principal]
    refused = {"principal": principal, "action": "dynamodb:PutItem", "resource": table_arn(table)}
    assert refusals == [{**refused, "count": 1}]
