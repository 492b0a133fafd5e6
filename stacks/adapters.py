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

_ANY_BODY = "A body's key names tenant, channel and delivery; one that was stored can be read again."
_ANY_SENDER = "Tenants verify their own domains and addresses as senders."
_SAMPLES = "A sample of an unexpected answer is named by tenant, channel and time."
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
        self.webhooks = {adapter.name: self._webhook(adapter) for adapter in adapters if adapter.hears}
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
            settings=[data.config.setting, data.ingress.setting, data.bodies.setting, queue.setting],
            grants=[
                data.config.may("GetItem"),
                data.ingress.may("GetItem", "PutItem", "UpdateItem", only=("delivery#*",)),
                data.bodies.may("GetObject", "PutObject", why=_ANY_BODY),
                queue.may_send(),
                self._may_read_secrets(adapter),
            ],
        )

    def _tools(self, adapter: Adapter) -> PythonFunction:
        data = self._data
        tables = [data.runs, data.ledger, data.cases, data.config, data.approvals, data.log, data.limits]
        tables += [data.ingress] if adapter.sends_mail else []
        return PythonFunction(
            self._home,
            f"adapter-{adapter.name}",
            folder=f"adapters/{adapter.name}",
            kind="mailer" if adapter.sends_mail else "adapter",
            timeout=TOOLS_TIMEOUT,
            reserved_concurrency=adapter.concurrency,
            settings=[*(t.setting for t in tables), data.bodies.setting, ("LEASE_SECONDS", str(LEASE))],
            grants=[
                data.limits.may("GetItem", "UpdateItem", only=("lane#*",)),
                data.bodies.may("PutObject", below="drift/", why=_SAMPLES),
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
                *self._may_beside(adapter),
            ],
        )

    def _may_beside(self, adapter: Adapter) -> list[Grant]:
        """What not every vendor's tools need."""
        grants = []
        if adapter.stores_tokens:
            grants.append(self._of_secrets(adapter, "PutSecretValue"))
        if adapter.sends_mail:
            grants += [self._data.ingress.may("GetItem", only=("sent#*",)), *self._may_send_mail()]
        return grants

    def _may_send_mail(self) -> tuple[Grant, ...]:
        senders = self.format_arn(service="ses", resource="identity", resource_name="*")
        through = self.format_arn(
            service="ses", resource="configuration-set", resource_name=self._stage.prefix
        )
        return (
            Grant(actions=("ses:SendEmail",), resources=(senders, through), wildcard=_ANY_SENDER),
            Grant(actions=("ses:GetEmailIdentity",), resources=(senders,), wildcard=_ANY_SENDER),
        )

    def _may_read_secrets(self, adapter: Adapter) -> Grant:
        return self._of_secrets(adapter, "GetSecretValue")

    def _of_secrets(self, adapter: Adapter, action: str) -> Grant:
        return Grant(
            actions=(f"secretsmanager:{action}",),
            resources=(self._stage.secret_arn(f"{self._stage.secrets}/{adapter.name}/*"),),
            wildcard=_SECRETS_OF_TENANTS,
        )
