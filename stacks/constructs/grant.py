"""A permission as a value, so that each role's are written out as a list where the role is made."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aws_cdk import Acknowledgment, Aws, Stack, Validations
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

__all__ = ["Grant", "let_trace", "make_role"]

# What DynamoDB and S3 do with a customer-managed key in the caller's name (CreateGrant is the deployer's).
_KEY_USE = [
    "kms:Decrypt",
    "kms:DescribeKey",
    "kms:Encrypt",
    "kms:GenerateDataKey",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
]


_NO_TRACE_HAS_AN_ARN = "X-Ray's actions to write know no resources; nothing else of this role says `*`."


@dataclass(frozen=True, kw_only=True)
class Grant:
    """Actions on resources, perhaps under conditions.

    Args:
        actions: in full, `dynamodb:GetItem`.
        resources: ARNs.
        conditions: as IAM writes them.
        key: the customer-managed key the resources are encrypted with.
        via: the service that uses that key in the caller's name: `dynamodb`, `s3`.
        wildcard: why a `*` in `resources` cannot be avoided; required where there is one.
    """

    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: Mapping[str, Mapping[str, Sequence[str]]] = field(default_factory=dict)
    key: kms.IKey | None = None
    via: str = ""
    wildcard: str = ""

    def __post_init__(self) -> None:
        if any("*" in action for action in self.actions):
            message = f"write the actions out: {self.actions}"
            raise ValueError(message)
        if any("*" in resource for resource in self.resources) != bool(self.wildcard):
            message = f"a wildcard needs a reason, and only a wildcard does: {self.resources}"
            raise ValueError(message)

    def statement(self) -> iam.PolicyStatement:
        """The grant as IAM knows it."""
        return iam.PolicyStatement(
            actions=list(self.actions),
            resources=list(self.resources),
            conditions={operator: dict(keys) for operator, keys in self.conditions.items()} or None,
        )


def make_role(scope: Construct, name: str, *, service: str, grants: Sequence[Grant]) -> iam.Role:
    """A role that `service` assumes, with exactly these grants and the use of the keys behind them."""
    role = iam.Role(scope, name, assumed_by=iam.ServicePrincipal(f"{service}.amazonaws.com"))
    for grant in grants:
        role.add_to_policy(grant.statement())
        for resource in grant.resources if grant.wildcard else ():
            finding = f"AwsSolutions-IAM5[Resource::{_as_nag_says(Stack.of(role).resolve(resource))}]"
            Validations.of(role).acknowledge(Acknowledgment(id=finding, reason=grant.wildcard))
    for statement in _key_statements(grants):
        role.add_to_policy(statement)
    return role


def let_trace(role: iam.Role) -> None:
    """Let X-Ray follow what the role does; its two actions know no resources."""
    actions = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]
    role.add_to_policy(iam.PolicyStatement(actions=actions, resources=["*"]))
    reason = Acknowledgment(id="AwsSolutions-IAM5[Resource::*]", reason=_NO_TRACE_HAS_AN_ARN)
    Validations.of(role).acknowledge(reason)


def _key_statements(grants: Sequence[Grant]) -> list[iam.PolicyStatement]:
    """One statement per key, open only to the services that use it for this role."""
    services: dict[str, set[str]] = {}
    for grant in grants:
        if grant.key is not None:
            services.setdefault(grant.key.key_arn, set()).add(f"{grant.via}.{Aws.REGION}.amazonaws.com")
    return [
        iam.PolicyStatement(
            actions=_KEY_USE,
            resources=[key],
            conditions={"StringEquals": {"kms:ViaService": sorted(via)}},
        )
        for key, via in services.items()
    ]


def _as_nag_says(value: Any) -> str:  # noqa: ANN401  # a resolved CloudFormation value
    """A resource the way cdk-nag names it in a finding."""
    match value:
        case str():
            return value
        case {"Fn::Join": [separator, parts]}:
            return str(separator).join(_as_nag_says(part) for part in parts)
        case {"Ref": name}:
            return f"<{name}>"
        case {"Fn::ImportValue": name}:
            return str(name)
        case {"Fn::GetAtt": [name, attribute]}:
            return f"<{name}.{attribute}>"
        case _:
            message = f"cannot name {value}"
            raise TypeError(message)
