"""Deploys a cloud assembly unchanged: `python -m local.deploy --endpoint URL --app cdk.out`."""

import argparse
import io
import json
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError

__all__ = ["DeployError", "Outputs", "deploy", "main"]

Outputs = dict[str, dict[str, str]]
ClientFor = Callable[[str], Any]

_REGION = "us-east-1"
_POLL_SECONDS = 0.05
_FIXED_DATE = (1980, 1, 1, 0, 0, 0)  # so that the same folder gives the same archive
_CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
_TABLES = {"AWS::DynamoDB::Table", "AWS::DynamoDB::GlobalTable"}
_INLINE_LIMIT = 51_200
_make_client: Any = boto3.client  # its types know services by literal names only


class DeployError(Exception):
    """A stack did not reach its goal; the message names the resources and their reasons."""


@dataclass(frozen=True)
class Stack:
    """One stack of the assembly."""

    name: str
    template: Path
    folder: Path
    assets: tuple[Path, ...]
    parameters: dict[str, str] = field(default_factory=dict)


def deploy(cdk_out: Path | str, client_for: ClientFor) -> Outputs:
    """Publish the assets, create or update every stack in order, switch on what ministack leaves off.

    Raises:
        DeployError: a stack failed.
    """
    account = client_for("sts").get_caller_identity()["Account"]
    outputs: Outputs = {}
    for stack in read_assembly(Path(cdk_out)):
        for manifest in stack.assets:
            _publish(manifest, account, client_for("s3"))
        outputs[stack.name] = _create_or_update(stack, account, client_for)
        _switch_on_ttl(stack, client_for)
    return outputs


def read_assembly(folder: Path) -> list[Stack]:
    """The stacks of an assembly and of the assemblies inside it, dependencies first."""
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    artifacts = manifest.get("artifacts", {})
    graph = {name: set(artifact.get("dependencies", ())) for name, artifact in artifacts.items()}
    stacks: list[Stack] = []
    for name in TopologicalSorter(graph).static_order():
        artifact = artifacts.get(name, {})
        if artifact.get("type") == "aws:cloudformation:stack":
            stacks.append(_stack(name, artifact, artifacts, folder))
        elif artifact.get("type") == "cdk:cloud-assembly":
            stacks.extend(read_assembly(folder / artifact["properties"]["directoryName"]))
    return stacks


def _stack(name: str, artifact: dict[str, Any], artifacts: dict[str, Any], folder: Path) -> Stack:
    properties = artifact["properties"]
    assets = [
        folder / artifacts[needed]["properties"]["file"]
        for needed in artifact.get("dependencies", ())
        if artifacts.get(needed, {}).get("type") == "cdk:asset-manifest"
    ]
    return Stack(
        name=properties.get("stackName", name),
        template=folder / properties["templateFile"],
        folder=folder,
        assets=tuple(assets),
        parameters=dict(properties.get("parameters", {})),
    )


def _publish(manifest: Path, account: str, s3: Any) -> None:
    files = json.loads(manifest.read_text(encoding="utf-8")).get("files", {})
    for digest, file in files.items():
        source = file["source"]
        path = manifest.parent / source["path"]
        for place in file["destinations"].values():
            bucket, key = _literal(place["bucketName"], account), _literal(place["objectKey"], account)
            if not _is_there(s3, bucket, key):
                body = _zipped(digest, path) if source["packaging"] == "zip" else path.read_bytes()
                s3.put_object(Bucket=bucket, Key=key, Body=body)


def _is_there(s3: Any, bucket: str, key: str) -> bool:
    """The key holds the content's hash, so an object that is there is right."""
    try:
        s3.head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error.response["Error"]["Code"] not in {"404", "NoSuchKey", "NoSuchBucket", "NotFound"}:
            raise
        try:
            s3.create_bucket(Bucket=bucket)
        except ClientError as exists:
            if "BucketAlready" not in exists.response["Error"]["Code"]:
                raise
        return False
    return True


@lru_cache(maxsize=64)
def _zipped(digest: str, path: Path) -> bytes:  # noqa: ARG001 - the digest is the cache's key
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for member in sorted(file for file in path.rglob("*") if file.is_file()):
            info = zipfile.ZipInfo(member.relative_to(path).as_posix(), _FIXED_DATE)
            info.external_attr = (member.stat().st_mode & 0o777) << 16
            archive.writestr(info, member.read_bytes())
    return buffer.getvalue()


def _literal(text: str, account: str) -> str:
    for name, value in {"AccountId": account, "Region": _REGION, "Partition": "aws"}.items():
        text = text.replace(f"${{AWS::{name}}}", value)
    return text


def _create_or_update(stack: Stack, account: str, client_for: ClientFor) -> dict[str, str]:
    cloudformation = client_for("cloudformation")
    request = {
        "StackName": stack.name,
        "Capabilities": _CAPABILITIES,
        "Parameters": [
            {"ParameterKey": name, "ParameterValue": _literal(value, account)}
            for name, value in stack.parameters.items()
        ],
        **_template(stack, account, client_for),
    }
    if _exists(cloudformation, stack.name):
        try:
            cloudformation.update_stack(**request)
        except ClientError as error:
            if "No updates" not in error.response["Error"]["Message"]:
                raise
    else:
        cloudformation.create_stack(**request)
    description = _wait(cloudformation, stack.name)
    if "ROLLBACK" in description["StackStatus"] or "FAILED" in description["StackStatus"]:
        raise DeployError(_story(cloudformation, description))
    return {output["OutputKey"]: output["OutputValue"] for output in description.get("Outputs", ())}


def _template(stack: Stack, account: str, client_for: ClientFor) -> dict[str, str]:
    text = stack.template.read_text(encoding="utf-8")
    if len(text.encode()) <= _INLINE_LIMIT:
        return {"TemplateBody": text}
    bucket, key = f"local-templates-{account}", f"{stack.name}.json"
    s3 = client_for("s3")
    _is_there(s3, bucket, key)  # makes the bucket
    s3.put_object(Bucket=bucket, Key=key, Body=text.encode())
    return {"TemplateURL": f"https://s3.{_REGION}.amazonaws.com/{bucket}/{key}"}


def _exists(cloudformation: Any, name: str) -> bool:
    try:
        status = cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]
    except ClientError:
        return False
    if status in {
        "ROLLBACK_COMPLETE",
        "ROLLBACK_FAILED",
        "CREATE_FAILED",
    }:  # AWS, too, only lets one delete it
        cloudformation.delete_stack(StackName=name)
        _wait(cloudformation, name)
        return False
    return bool(status != "DELETE_COMPLETE")


def _wait(cloudformation: Any, name: str) -> dict[str, Any]:
    while True:
        try:
            description: dict[str, Any] = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        except ClientError:  # deleted
            return {"StackName": name, "StackStatus": "DELETE_COMPLETE"}
        if not description["StackStatus"].endswith("IN_PROGRESS"):
            return description
        time.sleep(_POLL_SECONDS)


def _story(cloudformation: Any, description: dict[str, Any]) -> str:
    name = description["StackName"]
    lines = [
        f"stack {name}: {description['StackStatus']} {description.get('StackStatusReason', '')}".rstrip()
    ]
    for event in cloudformation.describe_stack_events(StackName=name)["StackEvents"]:
        if "FAILED" in event["ResourceStatus"]:
            reason = event.get("ResourceStatusReason", "no reason given")
            lines.append(f"  {event['LogicalResourceId']} ({event['ResourceType']}): {reason}")
    return "\n".join(lines)


def _switch_on_ttl(stack: Stack, client_for: ClientFor) -> None:
    """Ministack's CloudFormation ignores TimeToLiveSpecification."""
    wanted = dict(_ttl_attributes(json.loads(stack.template.read_text(encoding="utf-8"))))
    if not wanted:
        return
    resources = client_for("cloudformation").describe_stack_resources(StackName=stack.name)["StackResources"]
    dynamodb = client_for("dynamodb")
    for resource in resources:
        attribute = wanted.get(resource["LogicalResourceId"])
        if attribute is None:
            continue
        table = resource["PhysicalResourceId"]
        current = dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
        if current.get("TimeToLiveStatus") != "ENABLED":
            specification = {"Enabled": True, "AttributeName": attribute}
            dynamodb.update_time_to_live(TableName=table, TimeToLiveSpecification=specification)


def _ttl_attributes(template: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name, resource in template.get("Resources", {}).items():
        specification = resource.get("Properties", {}).get("TimeToLiveSpecification")
        if resource.get("Type") in _TABLES and specification and specification.get("Enabled", True):
            yield name, specification["AttributeName"]


def main() -> None:
    """Deploy and print the outputs as JSON."""
    parser = argparse.ArgumentParser(prog="python -m local.deploy", description=__doc__)
    parser.add_argument("--endpoint", required=True)
    parser.add_argument("--app", type=Path, default=Path("cdk.out"))
    given = parser.parse_args()

    def client_for(service: str) -> Any:
        return _make_client(
            service,
            endpoint_url=given.endpoint,
            region_name=_REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",  # noqa: S106
        )

    print(json.dumps(deploy(given.app, client_for), indent=2))


if __name__ == "__main__":
    main()
