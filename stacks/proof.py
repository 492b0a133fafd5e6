"""The proof of the action log: its heads, signed and locked away."""

from pathlib import Path

from aws_cdk import Stack
from constructs import Construct

from stacks.constructs.python_function import Home, PythonFunction
from stacks.constructs.triggers import reads_stream
from stacks.data import DataStack
from stacks.layers import LayerSet
from stacks.limits import ANCHOR_TIMEOUT
from stacks.stage import Stage

__all__ = ["ProofStack"]

_ANY_HEAD = "A stream's heads are named by tenant and number."


class ProofStack(Stack):
    """Who anchors the log may not write it, and who writes the log may not anchor it."""

    def __init__(self, scope: Construct, *, stage: Stage, data: DataStack, layers: Path) -> None:
        super().__init__(scope, stage.stack("proof"))
        self.anchor = PythonFunction(
            Home(self, stage, LayerSet(self, built=layers)),
            "anchor",
            folder="anchor",
            timeout=ANCHOR_TIMEOUT,
            settings=[data.subjects.setting, data.anchors.setting, data.key_anchors_setting],
            grants=[
                data.log.may_read_stream(),
                data.subjects.may("GetItem", "BatchWriteItem", only=("anchor#*", "anchors#*")),
                data.anchors.may("GetObject", "PutObject", why=_ANY_HEAD),
                data.anchors.may_list("ListBucket"),  # so that a head that is not there is not a refusal
                data.may_sign_heads(),
            ],
        )
        reads_stream(self.anchor, data.log, gathered_seconds=stage.anchor_seconds)
