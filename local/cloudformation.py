"""Seam 3: templates are deployed unchanged, whatever ministack makes of a few resource types.

A template with one unknown type is refused as a whole, and templates are deployed unchanged. So the types
that only watch, guard or index on AWS are named here and accepted without effect; any other unknown type is
still refused.
"""

import logging
import uuid
from collections.abc import Callable
from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services import apigateway, s3
from ministack.services.cloudformation import provisioners

__all__ = ["INERT", "install"]

_LOG = logging.getLogger("local.cloudformation")

# Type → service and resource part of its ARN.
INERT = {
    "AWS::ApplicationAutoScaling::ScalableTarget": ("application-autoscaling", "scalable-target/"),
    "AWS::ApplicationAutoScaling::ScalingPolicy": ("autoscaling", "scalingPolicy:"),
    "AWS::Backup::BackupSelection": ("backup", "backup-selection:"),
    "AWS::Bedrock::Guardrail": ("bedrock", "guardrail/"),
    "AWS::Budgets::Budget": ("budgets", "budget/"),
    "AWS::CloudWatch::AnomalyDetector": ("cloudwatch", "anomaly-detector:"),
    "AWS::CloudWatch::CompositeAlarm": ("cloudwatch", "alarm:"),
    "AWS::Events::Archive": ("events", "archive/"),
    "AWS::Lambda::CodeSigningConfig": ("lambda", "code-signing-config:"),
    "AWS::Logs::QueryDefinition": ("logs", "query-definition:"),
    "AWS::OpenSearchServerless::AccessPolicy": ("aoss", "access-policy/"),
    "AWS::OpenSearchServerless::Collection": ("aoss", "collection/"),
    "AWS::OpenSearchServerless::Index": ("aoss", "index/"),
    "AWS::OpenSearchServerless::LifecyclePolicy": ("aoss", "lifecycle-policy/"),
    "AWS::OpenSearchServerless::SecurityConfig": ("aoss", "security-config/"),
    "AWS::OpenSearchServerless::SecurityPolicy": ("aoss", "security-policy/"),
    "AWS::OpenSearchServerless::VpcEndpoint": ("aoss", "vpc-endpoint/"),
    "AWS::ResourceGroups::Group": ("resource-groups", "group/"),
    "AWS::SecretsManager::ResourcePolicy": ("secretsmanager", "policy:"),
    "AWS::SecretsManager::RotationSchedule": ("secretsmanager", "rotation:"),
    "AWS::XRay::Group": ("xray", "group/"),
    "AWS::XRay::SamplingRule": ("xray", "sampling-rule/"),
}


def install() -> None:
    """All of this module."""
    handlers = provisioners._RESOURCE_HANDLERS
    for name, (service, resource) in INERT.items():
        handlers.setdefault(name, _stand_in(name, service, resource))
    accept_alarms_on_expressions(handlers)
    refer_to_secrets_by_arn(handlers)
    lock_objects_as_templates_say(handlers)
    read_cors_as_templates_write_it()


def accept_alarms_on_expressions(handlers: dict[str, Any]) -> None:
    """Ministack refuses `Metrics`. `test_an_alarm_on_an_expression_is_accepted`."""
    alarm = handlers["AWS::CloudWatch::Alarm"]
    handlers["AWS::CloudWatch::Alarm"] = _unless_an_expression(alarm)


def refer_to_secrets_by_arn(handlers: dict[str, Any]) -> None:
    """`Ref` gives a name, on AWS the ARN, which policies need. `test_a_secret_is_referred_to_by_its_arn`."""
    theirs = handlers["AWS::SecretsManager::Secret"]

    def create(*arguments: Any) -> tuple[str, dict[str, str]]:
        _, attributes = theirs["create"](*arguments)
        return attributes["Arn"], attributes

    def update(physical_id: str, *arguments: Any, **named: Any) -> tuple[str, dict[str, str]]:
        _, attributes = theirs["update"](_secret_name(physical_id), *arguments, **named)
        return attributes.get("Arn", physical_id), attributes

    def delete(physical_id: str, props: dict[str, Any]) -> Any:
        return theirs["delete"](_secret_name(physical_id), props)

    handlers["AWS::SecretsManager::Secret"] = {**theirs, "create": create, "update": update, "delete": delete}


def lock_objects_as_templates_say(handlers: dict[str, Any]) -> None:
    """Object Lock is ignored. `test_a_bucket_of_a_template_locks_its_objects`."""
    theirs = handlers["AWS::S3::Bucket"]

    def create(logical_id: str, props: dict[str, Any], stack_name: str) -> tuple[str, dict[str, str]]:
        name, attributes = theirs["create"](logical_id, props, stack_name)
        if props.get("ObjectLockEnabled"):
            rule = (props.get("ObjectLockConfiguration") or {}).get("Rule") or {}
            lock = {"enabled": True, "default_retention": rule.get("DefaultRetention")}
            s3._bucket_object_lock[name] = lock
        return name, attributes

    handlers["AWS::S3::Bucket"] = {**theirs, "create": create}


def _secret_name(physical_id: str) -> str:
    """`arn:aws:secretsmanager:…:secret:NAME-abcdef` → `NAME`."""
    return (
        physical_id.rsplit(":secret:", maxsplit=1)[-1].rpartition("-")[0]
        if ":secret:" in physical_id
        else physical_id
    )


def read_cors_as_templates_write_it() -> None:
    """Templates write `AllowOrigins`, not `allowOrigins`. `test_an_http_api_of_a_template_answers_cors`."""

    def lowered(theirs: Callable[..., Any]) -> Callable[..., Any]:
        def call(settings: dict[str, Any], origin: str) -> Any:
            return theirs(
                {key[0].lower() + key[1:]: value for key, value in (settings or {}).items()}, origin
            )

        return call

    apigateway._cors_response_headers = lowered(apigateway._cors_response_headers)
    apigateway._cors_preflight_response = lowered(apigateway._cors_preflight_response)


def _stand_in(name: str, service: str, resource: str) -> dict[str, Any]:
    def create(logical_id: str, props: dict[str, Any], stack_name: str) -> tuple[str, dict[str, str]]:  # noqa: ARG001
        _LOG.warning("%s of stack %s: accepted, without effect", name, stack_name)
        physical_id = f"{stack_name}-{logical_id}-{uuid.uuid4().hex[:8]}"
        arn = f"arn:aws:{service}:{get_region()}:{get_account_id()}:{resource}{physical_id}"
        endpoint = f"https://{physical_id}.{get_region()}.{service}.amazonaws.com"
        attributes = {
            "Arn": arn,
            "Id": physical_id,
            "CollectionEndpoint": endpoint,
            "DashboardEndpoint": endpoint,
        }
        return physical_id, attributes

    def update(physical_id: str, *_: Any) -> tuple[str, dict[str, str]]:
        arn = f"arn:aws:{service}:{get_region()}:{get_account_id()}:{resource}{physical_id}"
        return physical_id, {"Arn": arn, "Id": physical_id}

    def delete(*_: Any) -> None:
        """There is nothing to delete."""

    return {"create": create, "update": update, "delete": delete}


def _unless_an_expression(alarm: dict[str, Any]) -> dict[str, Any]:
    inert = _stand_in("AWS::CloudWatch::Alarm", "cloudwatch", "alarm:")

    def choose(operation: str) -> Any:
        def call(*arguments: Any, **named: Any) -> Any:
            is_expression = any(isinstance(value, dict) and "Metrics" in value for value in arguments)
            return (inert if is_expression else alarm)[operation](*arguments, **named)

        return call

    return {**alarm, **{operation: choose(operation) for operation in alarm if operation in inert}}
