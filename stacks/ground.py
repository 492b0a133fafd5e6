"""What every part of the path is built on."""

from collections.abc import Sequence
from dataclasses import dataclass

from stacks.adapter import Adapter
from stacks.constructs.grant import Grant
from stacks.constructs.python_function import Home
from stacks.data import DataStack
from stacks.queues import QueuesStack
from stacks.stage import Stage

__all__ = ["Ground"]


@dataclass(frozen=True, kw_only=True)
class Ground:
    """The stack the parts stand in, and what they use that stands elsewhere."""

    home: Home
    stage: Stage
    data: DataStack
    queues: QueuesStack
    adapters: Sequence[Adapter]

    def may_invoke_adapters(self) -> Grant:
        """Call every vendor's tools."""
        return self.may_invoke(*(f"adapter-{adapter.name}" for adapter in self.adapters))

    def may_invoke_webhooks(self) -> Grant:
        """Have every vendor's webhook function read a stored body again."""
        return self.may_invoke(*(f"webhook-{adapter.name}" for adapter in self.adapters if adapter.hears))

    def may_invoke(self, *functions: str) -> Grant:
        """Call functions by their names: their stacks are made after this one."""
        return Grant(
            actions=("lambda:InvokeFunction",),
            resources=tuple(self.stage.function_arn(name) for name in functions),
        )
