"""`kill -9` of the local AWS: what it acknowledged is there again, and what runs by the clock runs on."""

import json
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from local.stack import LocalStack
from tests.local.test_local_stack import invoke, make_function, one, until

ROLE = "arn:aws:iam::123456789012:role/any"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    with LocalStack.start(tmp_path_factory.mktemp("state"), time_scale=0.01) as started:
        make_function(started, "worker")
        yield started


def again(stack: LocalStack) -> None:
    stack.kill()
    stack.restart()


def a_table(stack: LocalStack, name: str, **extra: Any) -> str:
    stack.client("dynamodb").create_table(
        TableName=name,
        KeySchema=[{"AttributeName": n, "KeyType": k} for n, k in (("pk", "HASH"), ("sk", "RANGE"))],
        AttributeDefinitions=[{"AttributeName": n, "AttributeType": "S"} for n in ("pk", "sk")],
        BillingMode="PAY_PER_REQUEST",
        **extra,
    )
    return name


def key(pk: str) -> dict[str, Any]:
    return {"pk": {"S": pk}, "sk": {"S": "s"}}


def rows(stack: LocalStack, table: str) -> dict[str, Any]:
    found = stack.client("dynamodb").scan(TableName=table)["Items"]
    return {i["pk"]["S"]: i.get("n", {}).get("N") for i in found}


def test_what_was_answered_is_there_after_kill_9(stack: LocalStack) -> None:
    table, ddb = a_table(stack, "each-call"), stack.client("dynamodb")
    ddb.update_time_to_live(
        TableName=table, TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires"}
    )
    ddb.put_item(TableName=table, Item={**key("put"), "n": {"N": "1"}, "b": {"B": b"\x00\xff"}})
    ddb.put_item(TableName=table, Item=key("deleted"))
    ddb.delete_item(TableName=table, Key=key("deleted"))
    ddb.update_item(
        TableName=table,
        Key=key("updated"),
        UpdateExpression="ADD n :x",
        ExpressionAttributeValues={":x": {"N": "2"}},
    )
    ddb.batch_write_item(RequestItems={table: [{"PutRequest": {"Item": {**key("batch"), "n": {"N": "3"}}}}]})
    ddb.transact_write_items(
        TransactItems=[
            {"Put": {"TableName": table, "Item": {**key("transact"), "n": {"N": "4"}}}},
            {"Delete": {"TableName": table, "Key": key("nothing")}},
        ]
    )
    ddb.execute_statement(Statement=f"INSERT INTO \"{table}\" VALUE {{'pk': 'insert', 'sk': 's', 'n': 5}}")
    ddb.execute_transaction(
        TransactStatements=[
            {"Statement": f"INSERT INTO \"{table}\" VALUE {{'pk': 'both', 'sk': 's', 'n': 6}}"},
            {"Statement": f"UPDATE \"{table}\" SET n = 7 WHERE pk = 'updated' AND sk = 's'"},
        ]
    )
    again(stack)
    wanted = {"put": "1", "updated": "7", "batch": "3", "transact": "4", "insert": "5", "both": "6"}
    assert rows(stack, table) == wanted
    assert ddb.get_item(TableName=table, Key=key("put"))["Item"]["b"]["B"] == b"\x00\xff"
    assert ddb.describe_time_to_live(TableName=table)["TimeToLiveDescription"]["AttributeName"] == "expires"


def test_a_failed_transaction_leaves_nothing(stack: LocalStack) -> None:
    table, ddb = a_table(stack, "failed"), stack.client("dynamodb")
    ddb.put_item(TableName=table, Item={**key("there"), "n": {"N": "1"}})
    statements = [
        f"INSERT INTO \"{table}\" VALUE {{'pk': 'new', 'sk': 's'}}",
        f"UPDATE \"{table}\" SET n = 2 WHERE pk = 'there' AND sk = 's'",
        f"INSERT INTO \"{table}\" VALUE {{'pk': 'there', 'sk': 's'}}",
    ]
    with pytest.raises(ClientError, match="TransactionCanceled"):
        ddb.execute_transaction(TransactStatements=[{"Statement": s} for s in statements])
    assert rows(stack, table) == {"there": "1"}
    again(stack)
    assert rows(stack, table) == {"there": "1"}


def test_a_table_made_anew_under_its_old_name_is_empty(stack: LocalStack) -> None:
    table, ddb = a_table(stack, "anew"), stack.client("dynamodb")
    ddb.put_item(TableName=table, Item=key("old"))
    ddb.delete_table(TableName=table)
    a_table(stack, table)
    again(stack)
    assert rows(stack, table) == {}


def test_what_was_made_is_there_after_kill_9(stack: LocalStack) -> None:
    s3, secrets, kms = (stack.client(name) for name in ("s3", "secretsmanager", "kms"))
    s3.create_bucket(Bucket="locked", ObjectLockEnabledForBucket=True)
    for n in range(3):
        s3.put_object(Bucket="locked", Key=f"k{n}", Body=b"body" * n, Metadata={"n": str(n)})
    locked = datetime.now(UTC) + timedelta(days=1)
    s3.put_object(
        Bucket="locked",
        Key="kept",
        Body=b"proof",
        ObjectLockMode="COMPLIANCE",
        ObjectLockRetainUntilDate=locked,
    )
    s3.delete_object(Bucket="locked", Key="k0")
    secrets.create_secret(Name="secret", SecretString="first")
    secrets.put_secret_value(SecretId="secret", SecretString="second")
    signer = kms.create_key(KeyUsage="SIGN_VERIFY", KeySpec="ECC_NIST_P256")["KeyMetadata"]["KeyId"]
    sealed = kms.encrypt(KeyId=(sealer := kms.create_key()["KeyMetadata"]["KeyId"]), Plaintext=b"x")
    signed = kms.sign(KeyId=signer, Message=b"m", SigningAlgorithm="ECDSA_SHA_256")
    queue = stack.client("sqs").create_queue(QueueName="q.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    machine = stack.client("stepfunctions").create_state_machine(
        name="kept", definition=json.dumps(one({"Type": "Pass"})), roleArn=ROLE
    )["stateMachineArn"]
    again(stack)
    got = s3.get_object(Bucket="locked", Key="k2")
    assert (got["Body"].read(), got["Metadata"]) == (b"bodybody", {"n": "2"})
    assert {o["Key"] for o in s3.list_objects_v2(Bucket="locked")["Contents"]} == {"k1", "k2", "kept"}
    version = s3.head_object(Bucket="locked", Key="kept")["VersionId"]
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.delete_object(Bucket="locked", Key="kept", VersionId=version)
    assert secrets.get_secret_value(SecretId="secret")["SecretString"] == "second"
    assert kms.decrypt(KeyId=sealer, CiphertextBlob=sealed["CiphertextBlob"])["Plaintext"] == b"x"
    verified = kms.verify(
        KeyId=signer, Message=b"m", Signature=signed["Signature"], SigningAlgorithm="ECDSA_SHA_256"
    )
    assert verified["SignatureValid"]
    assert stack.client("sqs").get_queue_url(QueueName="q.fifo")["QueueUrl"] == queue
    assert invoke(stack, {"n": 3})["sq"] == 9
    states = stack.client("stepfunctions")
    started = states.start_execution(stateMachineArn=machine)["executionArn"]
    until(lambda: states.describe_execution(executionArn=started)["status"] == "SUCCEEDED")


def test_a_deployed_stack_is_there_under_the_same_names_and_a_deploy_changes_it(
    stack: LocalStack, tmp_path: Path
) -> None:
    template: dict[str, Any] = {
        "Resources": {
            "T": {
                "Type": "AWS::DynamoDB::Table",
                "Properties": {
                    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
                    "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
                    "BillingMode": "PAY_PER_REQUEST",
                },
            }
        },
        "Outputs": {"Name": {"Value": {"Ref": "T"}}},
    }
    folder = tmp_path / "assembly"
    folder.mkdir()
    (folder / "manifest.json").write_text(
        json.dumps(
            {
                "artifacts": {
                    "kept": {
                        "type": "aws:cloudformation:stack",
                        "properties": {"templateFile": "kept.json"},
                    }
                }
            }
        )
    )
    (folder / "kept.json").write_text(json.dumps(template))
    before = stack.deploy(folder)
    table = before["kept"]["Name"]
    stack.client("dynamodb").put_item(TableName=table, Item={"pk": {"S": "a"}})
    again(stack)
    assert stack.deploy(folder) == before
    template["Resources"]["Q"] = {"Type": "AWS::SQS::Queue"}
    (folder / "kept.json").write_text(json.dumps(template))
    assert stack.deploy(folder) == before
    assert rows(stack, table) == {"a": None}


def test_statements_reach_the_stream_and_a_kill_loses_no_record_that_was_not_handed_on(
    stack: LocalStack,
) -> None:
    streamed = {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
    table, ddb = a_table(stack, "streamed", StreamSpecification=streamed), stack.client("dynamodb")
    arn = ddb.describe_table(TableName=table)["Table"]["LatestStreamArn"]
    for n in range(3):
        ddb.execute_statement(Statement=f"INSERT INTO \"{table}\" VALUE {{'pk': 'p{n}', 'sk': 's'}}")
    again(stack)
    ddb.execute_statement(Statement=f"INSERT INTO \"{table}\" VALUE {{'pk': 'p3', 'sk': 's'}}")
    stack.client("lambda").create_event_source_mapping(
        FunctionName="worker", EventSourceArn=arn, StartingPosition="TRIM_HORIZON", BatchSize=10
    )
    seen = until(lambda: records_in(stack, arn))
    assert [r["dynamodb"]["Keys"]["pk"]["S"] for r in seen] == ["p0", "p1", "p2", "p3"]
    handed = until(lambda: stack.stats()["lambdas"].get("worker", {}).get("invocations"))
    again(stack)
    time.sleep(0.5)
    assert handed >= 1
    assert "worker" not in stack.stats()["lambdas"], "what was handed on is not handed on again"


def records_in(stack: LocalStack, arn: str) -> list[Any]:
    streams = stack.client("dynamodbstreams")
    shard = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]
    at = streams.get_shard_iterator(StreamArn=arn, ShardId=shard, ShardIteratorType="TRIM_HORIZON")
    return list(streams.get_records(ShardIterator=at["ShardIterator"])["Records"])


def test_what_runs_by_the_clock_runs_on(stack: LocalStack) -> None:
    stack.client("scheduler").create_schedule(
        Name="often",
        ScheduleExpression="rate(1 minute)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": worker(stack), "RoleArn": ROLE, "Input": "{}"},
    )
    soon = (datetime.now(UTC) + timedelta(seconds=3)).strftime("%Y-%m-%dT%H:%M:%S")
    stack.client("scheduler").create_schedule(
        Name="once",
        ScheduleExpression=f"at({soon})",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": worker(stack), "RoleArn": ROLE, "Input": '{"n": 4}'},
    )
    again(stack)
    until(lambda: stack.stats()["lambdas"].get("worker", {}).get("invocations", 0) >= 1)
    states = stack.client("stepfunctions")
    definition = json.dumps(one({"Type": "Wait", "Seconds": 50}))
    machine = states.create_state_machine(name="waits", definition=definition, roleArn=ROLE)
    started = time.monotonic()
    run = states.start_execution(stateMachineArn=machine["stateMachineArn"])["executionArn"]
    until(lambda: states.describe_execution(executionArn=run)["status"] == "SUCCEEDED")
    assert time.monotonic() - started < 5, "waits are scaled after a restart too"


def worker(stack: LocalStack) -> str:
    found = stack.client("lambda").get_function(FunctionName="worker")
    return str(found["Configuration"]["FunctionArn"])


def test_tables_go_back_to_a_moment_and_bodies_stay(stack: LocalStack) -> None:
    table, ddb = a_table(stack, "restored"), stack.client("dynamodb")
    stack.client("s3").create_bucket(Bucket="kept")
    ddb.put_item(TableName=table, Item={**key("a"), "n": {"N": "1"}})
    time.sleep(0.01)
    moment = datetime.now(UTC)
    time.sleep(0.01)
    ddb.put_item(TableName=table, Item={**key("a"), "n": {"N": "2"}})
    ddb.put_item(TableName=table, Item=key("b"))
    stack.client("s3").put_object(Bucket="kept", Key="k", Body=b"later")
    stack.restore(moment)
    assert rows(stack, table) == {"a": "1"}
    assert stack.client("s3").get_object(Bucket="kept", Key="k")["Body"].read() == b"later"
    ddb.put_item(TableName=table, Item=key("c"))
    again(stack)
    assert rows(stack, table) == {"a": "1", "c": None}
    with pytest.raises(RuntimeError, match="the journal begins at"):
        stack.restore(moment - timedelta(days=1))
    stack.restart()


def test_no_acknowledged_write_is_lost_at_any_moment_of_a_kill(tmp_path: Path) -> None:
    acknowledged: list[int] = []
    with LocalStack.start(tmp_path) as stack:
        table = a_table(stack, "many")
        writers = [threading.Thread(target=write, args=(stack, table, n, acknowledged)) for n in range(4)]
        for thread in writers:
            thread.start()
        until(lambda: len(acknowledged) > 200)
        stack.kill()
        for thread in writers:
            thread.join()
        stack.restart()
        there = {int(pk) for pk in rows(stack, table)}
        assert set(acknowledged) <= there
        assert len(there) <= len(acknowledged) + len(writers), "at most the call under way beside them"


def write(stack: LocalStack, table: str, offset: int, acknowledged: list[int]) -> None:
    ddb = stack.client("dynamodb", endpoint_url=stack.endpoint)
    for n in range(offset, 1_000_000, 4):
        try:
            ddb.put_item(TableName=table, Item=key(str(n)))
        except (BotoCoreError, ClientError):
            return
        acknowledged.append(n)


def test_one_server_at_a_time_works_on_a_folder(tmp_path: Path) -> None:
    with (
        LocalStack.start(tmp_path, 0),
        pytest.raises(RuntimeError, match="another server works on"),
    ):
        LocalStack.start(tmp_path, 0)


def test_a_stack_started_on_its_folder_goes_on_and_started_fresh_forgets(tmp_path: Path) -> None:
    with LocalStack.start(tmp_path) as first:
        a_table(first, "kept")
    with LocalStack.start(tmp_path) as second:
        assert second.endpoint == first.endpoint
        assert second.client("dynamodb").list_tables()["TableNames"] == ["kept"]
    with LocalStack.start(tmp_path, fresh=True) as third:
        assert third.client("dynamodb").list_tables()["TableNames"] == []
