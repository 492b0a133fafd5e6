"""What a template declares, CloudFormation makes."""

import json
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.probes.kit import KNIFE_ARN, client, endpoint, unique


def deployed(resources: dict[str, Any], **outputs: Any) -> dict[str, str]:
    """A stack of these resources; its outputs."""
    name = unique("stack")
    body = {"Resources": resources, "Outputs": {key: {"Value": value} for key, value in outputs.items()}}
    client("cloudformation").create_stack(StackName=name, TemplateBody=json.dumps(body))
    while True:
        stack = client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
        if not stack["StackStatus"].endswith("IN_PROGRESS"):
            break
        time.sleep(0.05)
    assert stack["StackStatus"] == "CREATE_COMPLETE", stack
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", ())}


def test_types_without_effect_are_accepted() -> None:
    rule = {"AlarmRule": "ALARM(any)"}
    collection = {"Name": unique("coll"), "Type": "VECTORSEARCH"}
    made = deployed(
        {
            "Composite": {"Type": "AWS::CloudWatch::CompositeAlarm", "Properties": rule},
            "Vectors": {"Type": "AWS::OpenSearchServerless::Collection", "Properties": collection},
        },
        Endpoint={"Fn::GetAtt": ["Vectors", "CollectionEndpoint"]},
        Arn={"Fn::GetAtt": ["Composite", "Arn"]},
    )
    assert made["Endpoint"].startswith("https://")
    assert made["Arn"].startswith("arn:aws:cloudwatch:")


def test_an_alarm_on_an_expression_is_accepted() -> None:
    expression = {"Id": "e", "Expression": "1 + 1", "ReturnData": True}
    alarm = {
        "ComparisonOperator": "GreaterThanThreshold",
        "Threshold": 1,
        "EvaluationPeriods": 1,
        "Metrics": [expression],
    }
    assert deployed(
        {"Alarm": {"Type": "AWS::CloudWatch::Alarm", "Properties": alarm}}, Name={"Ref": "Alarm"}
    )["Name"]


def test_a_secret_is_referred_to_by_its_arn() -> None:
    made = deployed(
        {"Secret": {"Type": "AWS::SecretsManager::Secret", "Properties": {"SecretString": "s3cret"}}},
        Secret={"Ref": "Secret"},
    )
    assert made["Secret"].startswith("arn:aws:secretsmanager:")
    assert client("secretsmanager").get_secret_value(SecretId=made["Secret"])["SecretString"] == "s3cret"


def test_a_bucket_of_a_template_locks_its_objects() -> None:
    retention = {"Mode": "GOVERNANCE", "Days": 1}
    properties = {
        "VersioningConfiguration": {"Status": "Enabled"},
        "ObjectLockEnabled": True,
        "ObjectLockConfiguration": {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": retention}},
    }
    bucket = deployed(
        {"Bucket": {"Type": "AWS::S3::Bucket", "Properties": properties}}, Name={"Ref": "Bucket"}
    )["Name"]
    s3 = client("s3")
    version = s3.put_object(Bucket=bucket, Key="head", Body=b"signed")["VersionId"]

    assert s3.get_object_retention(Bucket=bucket, Key="head")["Retention"]["Mode"] == "GOVERNANCE"
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.delete_object(Bucket=bucket, Key="head", VersionId=version)


def test_an_http_api_of_a_template_answers_cors() -> None:
    import urllib.request

    cors = {
        "AllowOrigins": ["https://console.example"],
        "AllowMethods": ["GET"],
        "AllowHeaders": ["authorization"],
    }
    integration = {
        "ApiId": {"Ref": "Api"},
        "IntegrationType": "AWS_PROXY",
        "IntegrationUri": KNIFE_ARN,
        "PayloadFormatVersion": "2.0",
    }
    target = {"Fn::Join": ["", ["integrations/", {"Ref": "Integration"}]]}
    route = {"ApiId": {"Ref": "Api"}, "RouteKey": "GET /x/{id}", "Target": target}
    stage = {"ApiId": {"Ref": "Api"}, "StageName": "$default", "AutoDeploy": True}
    api = {"Name": unique("api"), "ProtocolType": "HTTP", "CorsConfiguration": cors}
    made = deployed(
        {
            "Api": {"Type": "AWS::ApiGatewayV2::Api", "Properties": api},
            "Integration": {"Type": "AWS::ApiGatewayV2::Integration", "Properties": integration},
            "Route": {"Type": "AWS::ApiGatewayV2::Route", "Properties": route},
            "Stage": {"Type": "AWS::ApiGatewayV2::Stage", "Properties": stage},
        },
        Id={"Ref": "Api"},
    )
    origin = {"Origin": "https://console.example", "Access-Control-Request-Method": "GET"}
    url = f"{endpoint()}/_api/{made['Id']}/x/a%20b?q=1"
    with urllib.request.urlopen(urllib.request.Request(url, method="OPTIONS", headers=origin)) as preflight:
        assert preflight.headers["Access-Control-Allow-Origin"] == "https://console.example"
    with urllib.request.urlopen(urllib.request.Request(url, headers=origin)) as answer:
        event = json.load(answer)["echo"]
        assert answer.headers["Access-Control-Allow-Origin"] == "https://console.example"
    assert event["pathParameters"] == {"id": "a b"}
    assert event["rawQueryString"] == "q=1"
