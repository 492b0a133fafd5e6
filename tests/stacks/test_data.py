"""What is kept: encrypted, restorable, and in production not to be lost by a deployment."""

from __future__ import annotations

import json

from tests.stacks.assembly import Assembly, Resource
from tests.support.tables import INDEXES

_STATEFUL = {
    "AWS::DynamoDB::Table",
    "AWS::KMS::Key",
    "AWS::S3::Bucket",
    "AWS::SecretsManager::Secret",
    "AWS::StepFunctions::StateMachine",
}


def _tables(assembly: Assembly) -> dict[str, Resource]:
    """By the name in `docs/tables.md`, as the output says it."""
    found = {table.id: table for table in assembly.of_type("AWS::DynamoDB::Table")}
    outputs = assembly.outputs()
    return {
        key.removeprefix("Table").lower(): found[outputs[key]["Ref"]] for key in outputs if key[:5] == "Table"
    }


def test_the_tables_are_those_the_other_tests_run_on(dev: Assembly) -> None:
    tables = {
        name: {
            index["IndexName"]: tuple(part["AttributeName"] for part in index["KeySchema"])
            for index in table.properties.get("GlobalSecondaryIndexes", [])
        }
        for name, table in _tables(dev).items()
    }

    assert tables == {
        name: {index: (hash_key, range_key) for index, (hash_key, range_key, _) in indexes.items()}
        for name, indexes in INDEXES.items()
    }


def test_every_key_has_the_type_that_code_writes(dev: Assembly) -> None:
    for name, table in _tables(dev).items():
        wanted = {"pk": "S", "sk": "S"}
        for hash_key, range_key, kind in INDEXES[name].values():
            wanted |= {hash_key: "S", range_key: kind}
        defined = table.properties["AttributeDefinitions"]
        assert {a["AttributeName"]: a["AttributeType"] for a in defined} == wanted


def test_every_index_holds_whole_items(dev: Assembly) -> None:
    for table in dev.of_type("AWS::DynamoDB::Table"):
        for index in table.properties.get("GlobalSecondaryIndexes", []):
            assert index["Projection"] == {"ProjectionType": "ALL"}


def test_every_table_can_be_restored_to_any_second_and_is_encrypted_with_our_key(dev: Assembly) -> None:
    (key,) = dev.of_type("AWS::KMS::Key")
    for table in dev.of_type("AWS::DynamoDB::Table"):
        properties = table.properties
        assert properties["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
        assert properties["SSESpecification"] == {
            "SSEEnabled": True,
            "SSEType": "KMS",
            "KMSMasterKeyId": {"Fn::GetAtt": [key.id, "Arn"]},
        }


def test_every_table_is_on_demand_and_forgets_what_expires(dev: Assembly) -> None:
    for table in dev.of_type("AWS::DynamoDB::Table"):
        assert table.properties["BillingMode"] == "PAY_PER_REQUEST"
        assert table.properties["TimeToLiveSpecification"] == {"AttributeName": "expires", "Enabled": True}


def test_the_key_rotates(dev: Assembly) -> None:
    (key,) = dev.of_type("AWS::KMS::Key")
    assert key.properties["EnableKeyRotation"] is True


def test_nothing_stateful_of_production_goes_with_its_stack(prod: Assembly) -> None:
    stateful = [resource for resource in prod.resources if resource.type in _STATEFUL]
    assert {resource.type for resource in stateful} == _STATEFUL
    for resource in stateful:
        assert (resource.body["DeletionPolicy"], resource.body["UpdateReplacePolicy"]) == (
            "Retain",
            "Retain",
        ), resource.id
    for table in prod.of_type("AWS::DynamoDB::Table"):
        assert table.properties["DeletionProtectionEnabled"] is True


def test_productions_stacks_with_data_refuse_to_be_deleted(prod: Assembly) -> None:
    protected = {
        name for name, artifact in prod.manifest["artifacts"].items()
        if artifact.get("properties", {}).get("terminationProtection")
    }  # fmt: skip
    assert protected == {"nightshift-prod-data", "nightshift-prod-queues"}


def test_a_development_stage_can_be_thrown_away(dev: Assembly) -> None:
    for resource in dev.resources:
        assert resource.body.get("DeletionPolicy") != "Retain", resource.id


def _bodies(assembly: Assembly) -> Resource:
    name = assembly.outputs()["BucketBodies"]["Ref"]
    return next(bucket for bucket in assembly.of_type("AWS::S3::Bucket") if bucket.id == name)


def test_raw_bodies_are_versioned_encrypted_with_our_key_and_end(dev: Assembly, prod: Assembly) -> None:
    for assembly, days in ((dev, 30), (prod, 90)):
        properties = _bodies(assembly).properties
        (key,) = assembly.of_type("AWS::KMS::Key")
        (rule,) = properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        assert rule["ServerSideEncryptionByDefault"] == {
            "SSEAlgorithm": "aws:kms",
            "KMSMasterKeyID": {"Fn::GetAtt": [key.id, "Arn"]},
        }
        assert properties["VersioningConfiguration"] == {"Status": "Enabled"}
        (lifecycle,) = properties["LifecycleConfiguration"]["Rules"]
        assert lifecycle["ExpirationInDays"] == days
        assert lifecycle["NoncurrentVersionExpiration"] == {"NoncurrentDays": 7}
        assert properties["LoggingConfiguration"]["DestinationBucketName"]


def test_no_bucket_is_public_or_answers_without_tls(dev: Assembly) -> None:
    policies = {
        policy.properties["Bucket"]["Ref"]: policy.properties["PolicyDocument"]["Statement"]
        for policy in dev.of_type("AWS::S3::BucketPolicy")
    }
    for bucket in dev.of_type("AWS::S3::Bucket"):
        assert set(bucket.properties["PublicAccessBlockConfiguration"].values()) == {True}
        refusals = [s for s in policies[bucket.id] if s["Effect"] == "Deny" and s["Action"] == "s3:*"]
        assert any(s["Condition"] == {"Bool": {"aws:SecureTransport": "false"}} for s in refusals)


def test_the_identity_key_is_made_on_deployment_and_stands_in_no_template(dev: Assembly) -> None:
    (secret,) = dev.of_type("AWS::SecretsManager::Secret")
    assert secret.properties["Name"] == "nightshift/dev/identity"
    made = secret.properties["GenerateSecretString"]
    assert json.loads(made["SecretStringTemplate"]) == {}
    assert (made["GenerateStringKey"], made["PasswordLength"]) == ("key", 64)
    assert "SecretString" not in secret.properties
