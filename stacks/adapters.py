"""Every adapter's two functions, from its `adapter.toml`."""

from collections.abc import Sequence
from pathlib import Path

from aws_cdk import Stack
from constructs import Construct

from stacks.adapter import Adapter
from stacks.constructs.grant import Grant
from stacks.constructs.python_function import Home, PythonFunction
from stacks.data import DataStack
from stacks.layers import LayerSet
from stacks.limits import LEASE, TOOLS_TIMEOUT, WEBHOOK_TIMEOUT
from stacks.queues import QueuesStack
from stacks.stage import Stage

__all__ = ["AdaptersStack"]

_SECRETS_OF_TENANTS = "Onboarding makes one secret per channel, in this vendor's folder alone."


class AdaptersStack(Stack):
    """One webhook function and one tools function per vendor, with that vendor's secrets and no other."""

    def __init__(
        self,
        scope: Construct,
        *,
        stage: Stage,
        data: DataStack,
        queues: QueuesStack,
        adapters: Sequence[Adapter],
        layers: Path,
    ) -> None:
        super().__init__(scope, stage.stack("adapters"))
        self._stage = stage
        self._data = data
        self._queues = queues
        self._home = Home(self, stage, LayerSet(self, built=layers))
        self.webhooks = {adapter.name: self._webhook(adapter) for adapter in adapters}
        self.tools = {adapter.name: self._tools(adapter) for adapter in adapters}

    def _webhook(self, adapter: Adapter) -> PythonFunction:
        data, queue = self._data, self._queues.events
        return PythonFunction(
            self._home,
            f"webhook-{adapter.name}",
            folder=f"adapters/{adapter.name}",
            module="webhook",
            kind="webhook",
            timeout=WEBHOOK_TIMEOUT,
            settings=[data.config.setting, data.ingress.setting, data.bodies_setting, queue.setting],
            grants=[
                data.config.may("GetItem"),
                data.ingress.may("PutItem", only=("delivery#*",)),
                data.may_store_bodies(),
                queue.may_send(),
                self._may_read_secrets(adapter),
            ],
        )

    def _tools(self, adapter: Adapter) -> PythonFunction:
        data = self._data
        tables = (data.runs, data.ledger, data.cases, data.config, data.approvals, data.log)
        return PythonFunction(
            self._home,
            f"adapter-{adapter.name}",
            folder=f"adapters/{adapter.name}",
            kind="adapter",
            timeout=TOOLS_TIMEOUT,
            reserved_concurrency=adapter.concurrency,
            settings=[*(t.setting for t in tables), ("LEASE_SECONDS", str(LEASE))],
            grants=[
                data.runs.may("GetItem", "BatchGetItem", "Query", only=("plan#*", "verdict#*", "result#*")),
                data.runs.may("PutItem", only=("result#*",)),
                data.ledger.may("GetItem", only=("run#*", "pool#*")),
                data.ledger.may("ConditionCheckItem", only=("run#*",)),
                data.ledger.may("PutItem", "UpdateItem", only=("run#*", "claim#*", "pool#*")),
                data.cases.may("ConditionCheckItem", only=("case#*",)),
                data.config.may("GetItem", "ConditionCheckItem"),
                data.approvals.may("GetItem"),
                data.log.may_append(),
                self._may_read_secrets(adapter),
            ],
        )

    def _may_read_secrets(self, adapter: Adapter) -> Grant:
        return Grant(
            actions=("secretsmanager:GetSecretValue",),
            resources=(self._stage.secret_arn(f"{self._stage.secrets}/{adapter.name}/*"),),
            wildcard=_SECRETS_OF_TENANTS,
        )
