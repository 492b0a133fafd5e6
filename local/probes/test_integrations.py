"""Service integrations of state machines."""

import json

from local.probes.kit import KNIFE_ARN, ROLE, client, machine, output_of, queue, run, single, table, unique


def test_int_nested_sync2() -> None:
    ch = machine(single({"Type": "Pass", "Parameters": {"got.$": "$.a"}}))
    r = output_of(
        single(
            {
                "Type": "Task",
                "Resource": "arn:aws:states:::states:startExecution.sync:2",
                "Parameters": {
                    "StateMachineArn": ch,
                    "Input": {
                        "a.$": "$.a",
                        "AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID.$": "$$.Execution.Id",
                    },
                },
            }
        ),
        {"a": 9},
    )
    assert r["Output"] == {"got": 9}
    assert r["Status"] == "SUCCEEDED"


def test_int_nested_sync2_child_fails() -> None:
    ch = machine({"StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "Kid", "Cause": "bad"}}})
    r = output_of(
        {
            "StartAt": "A",
            "States": {
                "A": {
                    "Type": "Task",
                    "Resource": "arn:aws:states:::states:startExecution.sync:2",
                    "Parameters": {"StateMachineArn": ch, "Input": {}},
                    "Catch": [{"ErrorEquals": ["States.TaskFailed"], "Next": "B"}],
                    "End": True,
                },
                "B": {"Type": "Pass", "End": True},
            },
        }
    )
    assert r["Error"] == "States.TaskFailed"
    assert json.loads(r["Cause"])["Error"] == "Kid"


def test_int_nested_fire_and_forget() -> None:
    ch = machine(single({"Type": "Pass"}))
    r = output_of(
        single(
            {
                "Type": "Task",
                "Resource": "arn:aws:states:::states:startExecution",
                "Parameters": {"StateMachineArn": ch, "Name": unique("n"), "Input": {"x": 1}},
            }
        )
    )
    assert "ExecutionArn" in r


def test_int_dynamodb_put_update_get() -> None:
    tb = table()
    d = {
        "StartAt": "P",
        "States": {
            "P": {
                "Type": "Task",
                "Resource": "arn:aws:states:::dynamodb:putItem",
                "Parameters": {
                    "TableName": tb,
                    "Item": {"pk": {"S.$": "$.id"}, "sk": {"S": "a"}, "n": {"N": "1"}},
                },
                "ResultPath": None,
                "Next": "U",
            },
            "U": {
                "Type": "Task",
                "Resource": "arn:aws:states:::dynamodb:updateItem",
                "Parameters": {
                    "TableName": tb,
                    "Key": {"pk": {"S.$": "$.id"}, "sk": {"S": "a"}},
                    "UpdateExpression": "SET n = n + :i",
                    "ExpressionAttributeValues": {":i": {"N": "4"}},
                    "ReturnValues": "ALL_NEW",
                },
                "ResultPath": "$.u",
                "Next": "G",
            },
            "G": {
                "Type": "Task",
                "Resource": "arn:aws:states:::dynamodb:getItem",
                "Parameters": {"TableName": tb, "Key": {"pk": {"S.$": "$.id"}, "sk": {"S": "a"}}},
                "ResultSelector": {"n.$": "$.Item.n.N"},
                "End": True,
            },
        },
    }
    assert output_of(d, {"id": "z"}) == {"n": "5"}


def test_int_dynamodb_conditional_error_name() -> None:
    tb = table()
    it = {"pk": {"S": "1"}, "sk": {"S": "1"}}
    client("dynamodb").put_item(TableName=tb, Item=it)
    r = run(
        single(
            {
                "Type": "Task",
                "Resource": "arn:aws:states:::dynamodb:putItem",
                "Parameters": {
                    "TableName": tb,
                    "Item": it,
                    "ConditionExpression": "attribute_not_exists(pk)",
                },
            }
        )
    )
    assert r.get("error") == "DynamoDB.ConditionalCheckFailedException"


def test_int_sdk_dynamodb_query() -> None:
    tb = table()
    for i in range(3):
        client("dynamodb").put_item(TableName=tb, Item={"pk": {"S": "1"}, "sk": {"S": str(i)}})
    r = output_of(
        single(
            {
                "Type": "Task",
                "Resource": "arn:aws:states:::aws-sdk:dynamodb:query",
                "Parameters": {
                    "TableName": tb,
                    "KeyConditionExpression": "pk = :p",
                    "ExpressionAttributeValues": {":p": {"S": "1"}},
                    "Limit": 2,
                },
            }
        )
    )
    assert (r["Count"], len(r["Items"])) == (2, 2)
    assert r["Items"][0] == {"pk": {"S": "1"}, "sk": {"S": "0"}}


def test_int_sdk_transact_write_error() -> None:
    tb = table()
    it = {"pk": {"S": "1"}, "sk": {"S": "1"}}
    client("dynamodb").put_item(TableName=tb, Item=it)
    r = run(
        single(
            {
                "Type": "Task",
                "Resource": "arn:aws:states:::aws-sdk:dynamodb:transactWriteItems",
                "Parameters": {
                    "TransactItems": [
                        {
                            "Put": {
                                "TableName": tb,
                                "Item": it,
                                "ConditionExpression": "attribute_not_exists(pk)",
                            }
                        }
                    ]
                },
            }
        )
    )
    assert r.get("error") == "DynamoDb.TransactionCanceledException"


def test_int_sdk_s3_put_get() -> None:
    k = unique("o")
    d = {
        "StartAt": "A",
        "States": {
            "A": {
                "Type": "Task",
                "Resource": "arn:aws:states:::aws-sdk:s3:putObject",
                "Parameters": {"Bucket": "conf", "Key": k, "Body": {"a.$": "$.a"}},
                "ResultPath": None,
                "Next": "B",
            },
            "B": {
                "Type": "Task",
                "Resource": "arn:aws:states:::aws-sdk:s3:getObject",
                "Parameters": {"Bucket": "conf", "Key": k},
                "ResultSelector": {"b.$": "States.StringToJson($.Body)"},
                "End": True,
            },
        },
    }
    assert output_of(d, {"a": 1}) == {"b": {"a": 1}}


def test_int_sdk_secretsmanager_ssm() -> None:
    n = unique("sec")
    client("secretsmanager").create_secret(Name=n, SecretString='{"u":1}')
    client("ssm").put_parameter(Name="/" + n, Value="v", Type="String")
    r = output_of(
        {
            "StartAt": "A",
            "States": {
                "A": {
                    "Type": "Task",
                    "Resource": "arn:aws:states:::aws-sdk:secretsmanager:getSecretValue",
                    "Parameters": {"SecretId": n},
                    "ResultSelector": {"s.$": "$.SecretString"},
                    "Next": "B",
                },
                "B": {
                    "Type": "Task",
                    "Resource": "arn:aws:states:::aws-sdk:ssm:getParameter",
                    "Parameters": {"Name": "/" + n},
                    "ResultPath": "$.p",
                    "ResultSelector": {"v.$": "$.Parameter.Value"},
                    "End": True,
                },
            },
        }
    )
    assert r == {"s": '{"u":1}', "p": {"v": "v"}}


def test_int_sdk_sfn_describe_self() -> None:
    r = output_of(
        single(
            {
                "Type": "Task",
                "Resource": "arn:aws:states:::aws-sdk:sfn:describeExecution",
                "Parameters": {"ExecutionArn.$": "$$.Execution.Id"},
                "ResultSelector": {"s.$": "$.Status"},
            }
        )
    )
    assert r == {"s": "RUNNING"}


def test_int_sdk_scheduler_create() -> None:
    n = unique("sch")
    output_of(
        single(
            {
                "Type": "Task",
                "Resource": "arn:aws:states:::aws-sdk:scheduler:createSchedule",
                "Parameters": {
                    "Name": n,
                    "ScheduleExpression": "at(2037-01-01T00:00:00)",
                    "FlexibleTimeWindow": {"Mode": "OFF"},
                    "Target": {"Arn": KNIFE_ARN, "RoleArn": ROLE},
                },
            }
        )
    )
    assert client("scheduler").get_schedule(Name=n)["Name"] == n


def test_int_events_put_to_sqs() -> None:
    q, qa = queue()
    rule = unique("r")
    client("events").put_rule(Name=rule, EventPattern=json.dumps({"source": [rule]}))
    client("events").put_targets(Rule=rule, Targets=[{"Id": "1", "Arn": qa}])
    output_of(
        single(
            {
                "Type": "Task",
                "Resource": "arn:aws:states:::events:putEvents",
                "Parameters": {
                    "Entries": [
                        {
                            "Source": rule,
                            "DetailType": "d",
                            "Detail": {"a.$": "$.a"},
                            "EventBusName": "default",
                        }
                    ]
                },
            }
        ),
        {"a": 4},
    )
    b = json.loads(client("sqs").receive_message(QueueUrl=q, WaitTimeSeconds=4)["Messages"][0]["Body"])
    assert b["detail"]["a"] == 4
    assert b["resources"], "no resources (AWS adds execution+sm arn)"


def test_int_sqs_send() -> None:
    q, _ = queue()
    r = output_of(
        single(
            {
                "Type": "Task",
                "Resource": "arn:aws:states:::sqs:sendMessage",
                "Parameters": {"QueueUrl": q, "MessageBody.$": "$"},
            }
        ),
        {"a": 1},
    )
    assert "MessageId" in r
    assert json.loads(
        client("sqs").receive_message(QueueUrl=q, WaitTimeSeconds=3)["Messages"][0]["Body"]
    ) == {"a": 1}


def test_int_lambda_sdk_invoke() -> None:
    r = output_of(
        single(
            {
                "Type": "Task",
                "Resource": "arn:aws:states:::aws-sdk:lambda:invoke",
                "Parameters": {"FunctionName": "knife", "Payload": {"op": "sq", "n": 2}},
            }
        )
    )
    p = r["Payload"]
    assert (json.loads(p) if isinstance(p, str) else p) == {"n": 4}
