"""Step Functions executions on moto's interpreter, behind ministack's control plane."""

import sys
from enum import StrEnum
from types import ModuleType


def _import_moto_without_batch() -> None:
    """The Batch task imports all of moto's EC2 for this one enumeration: a second at each start."""
    states = "SUBMITTED PENDING RUNNABLE STARTING RUNNING SUCCEEDED FAILED"
    utils = ModuleType("moto.batch.utils")
    utils.__dict__["JobStatus"] = StrEnum("JobStatus", [(name, name) for name in states.split()])
    sys.modules.setdefault("moto.batch", ModuleType("moto.batch"))
    sys.modules.setdefault("moto.batch.utils", utils)


_import_moto_without_batch()
