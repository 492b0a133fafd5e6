"""Dry runs, asked of the function that can do nothing else."""

from typing import TYPE_CHECKING

from pydantic import JsonValue

from nightshift.aws.invoke import invoke
from nightshift.model.dryrun import DryRun
from nightshift.model.plan import Proposal
from nightshift.model.verdict import Verdict

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

__all__ = ["LambdaDryRuns"]


class LambdaDryRuns:
    """The `DryRuns` port on the function `dryrun`."""

    def __init__(self, function: str, client: "LambdaClient") -> None:
        self._function = function
        self._client = client

    def check(self, proposal: Proposal) -> Verdict:
        """What the gate would say of a plan now."""
        asked: dict[str, JsonValue] = {"op": "check", "proposal": proposal.model_dump(mode="json")}
        return invoke(self._client, self._function, asked, Verdict)

    def dry_run(self, proposal: Proposal) -> DryRun:
        """How a plan would run now; its reads are carried out."""
        asked: dict[str, JsonValue] = {"op": "dry_run", "proposal": proposal.model_dump(mode="json")}
        return invoke(self._client, self._function, asked, DryRun)
