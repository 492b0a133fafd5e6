"""Onboarding: a tenant's channels are entered and tried; the one place that writes secrets."""

from collections.abc import Sequence
from pathlib import Path

from aws_cdk import Stack
from constructs import Construct

from stacks.adapter import Adapter
from stacks.api import ApiStack
from stacks.constructs.grant import Grant
from stacks.constructs.python_function import Home, PythonFunction
from stacks.data import DataStack
from stacks.desk import may_read_identity_key
from stacks.ground import Ground
from stacks.layers import LayerSet
from stacks.limits import SETUP_TIMEOUT
from stacks.queues import QueuesStack
from stacks.stage import Stage

__all__ = ["OnboardingStack"]

_ONE_PER_CHANNEL = "A channel's secret is named by vendor, tenant and channel; tenants come and go."


class OnboardingStack(Stack):
    """After the API, whose address it tells to vendors."""

    def __init__(
        self,
        scope: Construct,
        *,
        stage: Stage,
        data: DataStack,
        queues: QueuesStack,
        adapters: Sequence[Adapter],
        layers: Path,
        api: ApiStack,
    ) -> None:
        super().__init__(scope, stage.stack("onboarding"))
        home = Home(self, stage, LayerSet(self, built=layers))
        ground = Ground(home=home, stage=stage, data=data, queues=queues, adapters=adapters)
        self.onboarding = PythonFunction(
            home,
            "onboarding",
            folder="onboarding",
            timeout=SETUP_TIMEOUT,
            settings=[
                *(table.setting for table in (data.config, data.log, data.limits)),
                data.bodies.setting,
                ("SECRET_IDENTITY", stage.identity_secret),
                ("ADAPTER_PREFIX", stage.adapter_prefix),
                ("WEBHOOK_BASE", api.api.api_endpoint),
                ("INTERNAL_HOSTS", ",".join(stage.internal_hosts)),
            ],
            grants=[
                data.config.may(
                    "ConditionCheckItem", "DeleteItem", "GetItem", "PutItem", "Query", only=("tenant#*",)
                ),
                data.config.may("GetItem", "PutItem", only=("address#*",)),
                data.log.may_append(),
                data.bodies.may_list("ListBucket"),
                data.limits.may("BatchGetItem", "UpdateItem", only=("lane#*",)),
                ground.may_invoke_adapters(),
                may_read_identity_key(stage),
                _may_keep_secrets(stage, adapters),
            ],
        )  # fmt: skip
        api.add_setup(self, self.onboarding)


def _may_keep_secrets(stage: Stage, adapters: Sequence[Adapter]) -> Grant:
    """Write the secrets of channels, and never read one: the vendor's own function tries it."""
    actions = ("CreateSecret", "DescribeSecret", "PutSecretValue", "UpdateSecretVersionStage")
    return Grant(
        actions=tuple(f"secretsmanager:{action}" for action in actions),
        resources=tuple(stage.secret_arn(f"{stage.secrets}/{adapter.name}/*") for adapter in adapters),
        wildcard=_ONE_PER_CHANNEL,
    )
