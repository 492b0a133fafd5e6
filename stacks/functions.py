"""The functions of the path and the two state machines, each with exactly what it may do."""

from collections.abc import Sequence
from pathlib import Path

from aws_cdk import Stack
from constructs import Construct

from stacks.adapter import Adapter
from stacks.cases import Cases
from stacks.constructs.python_function import Home
from stacks.data import DataStack
from stacks.desk import again_function, api_function, dry_run_function
from stacks.ground import Ground
from stacks.intake import Intake
from stacks.layers import LayerSet
from stacks.queues import QueuesStack
from stacks.runs import Runs
from stacks.stage import Stage
from stacks.workflows import Workflows

__all__ = ["FunctionsStack"]


class FunctionsStack(Stack):
    """Stateless: whatever is in here can be deleted and deployed again."""

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
        super().__init__(scope, stage.stack("functions"))
        home = Home(self, stage, LayerSet(self, built=layers))
        ground = Ground(home=home, stage=stage, data=data, queues=queues, adapters=adapters)
        self.runs = Runs(ground)
        self.cases = Cases(ground, run_machine=self.runs.machine)
        self.intake = Intake(ground, cases=self.cases)
        self.dry_run = dry_run_function(ground)
        self.again = again_function(ground, self.runs)
        self.api = api_function(ground, cases=self.cases, runs=self.runs)
        self.workflows = Workflows(ground, run_machine=self.runs.machine)
        self.ticking = {
            "sweep": self.intake.sweep.function,
            "recovery": self.cases.recovery.function,
            "workflows": self.workflows.workflows.function,
            "intake": self.workflows.intake.function,
        }
