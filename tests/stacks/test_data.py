"""What is kept: encrypted, restorable, and in production not to be lost by a deployment."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.stacks.assembly import Assembly, Resource
from tests.support.tables import INDEXES, KEYS_ONLY

FORGOTTEN = {"limits", "subjects"}
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


def test_every_index_holds_what_the_other_tests_read_from_it(dev: Assembly) -> None:
    for table in dev.of_type("AWS::DynamoDB::Table"):
        for index in table.properties.get("GlobalSecondaryIndexes", []):
            wanted = "KEYS_ONLY" if index["IndexName"] in KEYS_ONLY else "ALL"
            assert index["Projection"] == {"ProjectionType": wanted}


def test_every_table_is_encrypted_with_our_key(dev: Assembly) -> None:
    for table in dev.of_type("AWS::DynamoDB::Table"):
        assert table.properties["SSESpecification"] == {
            "SSEEnabled": True,
            "SSEType": "KMS",
            "KMSMasterKeyId": {"Fn::GetAtt": [_key(dev, "records").id, "Arn"]},
        }


def test_every_table_can_be_restored_to_any_second_but_what_must_be_forgotten(dev: Assembly) -> None:
    for name, table in _tables(dev).items():
        can = {"PointInTimeRecoveryEnabled": name not in FORGOTTEN}
        assert table.properties["PointInTimeRecoverySpecification"] == can, name


def test_only_the_new_entries_of_the_log_are_a_stream(dev: Assembly) -> None:
    streams = {name: table.properties.get("StreamSpecification") for name, table in _tables(dev).items()}
    assert {name: stream for name, stream in streams.items() if stream} == {
        "log": {"StreamViewType": "NEW_IMAGE"}
    }


def test_every_table_is_on_demand_and_forgets_what_expires(dev: Assembly) -> None:
    for table in dev.of_type("AWS::DynamoDB::Table"):
        assert table.properties["BillingMode"] == "PAY_PER_REQUEST"
        assert table.properties["TimeToLiveSpecification"] == {"AttributeName": "expires", "Enabled": True}


def _key(assembly: Assembly, purpose: str) -> Resource:
    (key,) = (k for k in assembly.of_type("AWS::KMS::Key") if purpose in k.properties["Description"])
    return key


def test_the_keys_that_encrypt_rotate_and_the_third_only_signs(dev: Assembly) -> None:
    assert len(dev.of_type("AWS::KMS::Key")) == 3
    for purpose in ("records", "data keys"):
        assert _key(dev, purpose).properties["EnableKeyRotation"] is True
    signs = _key(dev, "signs").properties
    assert (signs["KeySpec"], signs["KeyUsage"]) == ("ECC_NIST_P256", "SIGN_VERIFY")


def test_nobody_outside_the_account_uses_a_key_but_ses_for_this_stages_rules(dev: Assembly) -> None:
    for key in dev.of_type("AWS::KMS::Key"):
        statements = key.properties["KeyPolicy"]["Statement"]
        others = [s for s in statements if "AWS" not in s["Principal"]]
        assert len(others) == (1 if key.id == _key(dev, "records").id else 0)
        for statement in others:
            assert statement["Principal"] == {"Service": "ses.amazonaws.com"}
            assert statement["Action"] == ["kms:Decrypt", "kms:GenerateDataKey"]
            assert "receipt-rule-set/nightshift-dev-mail:receipt-rule/*" in str(statement["Condition"])


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
    assert protected == {"nightshift-prod-backup", "nightshift-prod-data", "nightshift-prod-queues"}


def test_a_development_stage_can_be_thrown_away(dev: Assembly) -> None:
    for resource in dev.resources:
        assert resource.body.get("DeletionPolicy") != "Retain", resource.id


def _bucket(assembly: Assembly, name: str) -> Resource:
    name = assembly.outputs()[f"Bucket{name}"]["Ref"]
    return next(bucket for bucket in assembly.of_type("AWS::S3::Bucket") if bucket.id == name)


def test_raw_bodies_are_versioned_encrypted_with_our_key_and_end(dev: Assembly, prod: Assembly) -> None:
    for assembly, days in ((dev, 30), (prod, 90)):
        properties = _bucket(assembly, "Bodies").properties
        key = _key(assembly, "records")
        (rule,) = properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        assert rule["ServerSideEncryptionByDefault"] == {
            "SSEAlgorithm": "aws:kms",
            "KMSMasterKeyID": {"Fn::GetAtt": [key.id, "Arn"]},
        }
        assert properties["VersioningConfiguration"] == {"Status": "Enabled"}
        lifecycle, of_samples = properties["LifecycleConfiguration"]["Rules"]
        assert lifecycle["ExpirationInDays"] == days
        assert (of_samples["Prefix"], of_samples["ExpirationInDays"]) == ("drift/", 30)
        assert lifecycle["NoncurrentVersionExpiration"] == {"NoncurrentDays": 7}
        assert properties["LoggingConfiguration"]["DestinationBucketName"]


def test_mail_ends_as_bodies_do_and_its_attachments_later(dev: Assembly) -> None:
    properties = _bucket(dev, "Mail").properties
    rules = properties["LifecycleConfiguration"]["Rules"]
    assert {rule["Prefix"]: rule["ExpirationInDays"] for rule in rules} == {"inbound/": 30, "media/": 180}
    assert "VersioningConfiguration" not in properties  # what is forgotten must be gone


def test_only_ses_writes_mail_from_outside_and_only_where_it_comes_in(dev: Assembly) -> None:
    policy = _policy_of(dev, _bucket(dev, "Mail").id)
    (allowed,) = (s for s in policy if s["Effect"] == "Allow" and "Service" in s["Principal"])
    assert (allowed["Principal"], allowed["Action"]) == ({"Service": "ses.amazonaws.com"}, "s3:PutObject")
    assert "inbound/*" in json.dumps(allowed["Resource"])
    assert allowed["Condition"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
    assert "receipt-rule-set/nightshift-dev-mail:" in json.dumps(allowed["Condition"]["ArnLike"])


@pytest.mark.parametrize(
    ("stage", "mode", "days"),
    [("dev", "GOVERNANCE", 1), ("staging", "GOVERNANCE", 7), ("prod", "COMPLIANCE", 400)],
)
def test_signed_heads_are_locked_away_when_they_are_written(
    stage: str, mode: str, days: int, request: pytest.FixtureRequest
) -> None:
    properties = _bucket(request.getfixturevalue(stage), "Anchors").properties
    assert properties["ObjectLockEnabled"] is True
    retention = properties["ObjectLockConfiguration"]["Rule"]["DefaultRetention"]
    assert retention == {"Mode": mode, "Days": days}
    assert "LifecycleConfiguration" not in properties


def test_no_head_is_put_over_another_and_in_production_none_is_deleted(dev: Assembly, prod: Assembly) -> None:
    for assembly, deleting in ((dev, 0), (prod, 1)):
        refused = [s for s in _policy_of(assembly, _bucket(assembly, "Anchors").id) if s["Effect"] == "Deny"]
        over = [s for s in refused if s["Condition"] == {"Null": {"s3:if-none-match": "true"}}]
        assert [s["Action"] for s in over] == ["s3:PutObject"]
        assert sum("s3:DeleteObjectVersion" in s["Action"] for s in refused) == deleting


def test_every_table_of_production_but_what_must_be_forgotten_is_backed_up_each_night(prod: Assembly) -> None:
    (plan,) = prod.of_type("AWS::Backup::BackupPlan")
    (rule,) = plan.properties["BackupPlan"]["BackupPlanRule"]
    assert rule["ScheduleExpression"] == "cron(0 3 * * ? *)"
    assert rule["Lifecycle"] == {"DeleteAfterDays": 35}
    (selection,) = prod.of_type("AWS::Backup::BackupSelection")
    chosen = selection.properties["BackupSelection"]["Resources"]
    names = {prod.readable(selection.stack, arn).removesuffix("Table").lower() for arn in chosen}
    assert names == set(INDEXES) - FORGOTTEN
    (vault,) = prod.of_type("AWS::Backup::BackupVault")
    assert vault.body["DeletionPolicy"] == "Retain"


def _policy_of(assembly: Assembly, bucket: str) -> list[dict[str, Any]]:
    (policy,) = (
        p for p in assembly.of_type("AWS::S3::BucketPolicy") if p.properties["Bucket"] == {"Ref": bucket}
    )
    return list(policy.properties["PolicyDocument"]["Statement"])


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
