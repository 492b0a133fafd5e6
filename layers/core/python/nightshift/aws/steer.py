"""Runs steered by the function that may: the API itself changes nothing of ledger and results."""

from typing import TYPE_CHECKING

from nightshift.aws.invoke import invoke
from nightshift.errors import Conflict
from nightshift.model.steer import Steer, Steered

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

__all__ = ["LambdaSteering"]


class LambdaSteering:
    """The `Steering` port on the function `again`."""

    def __init__(self, function: str, client: "LambdaClient") -> None:
        self._function = function
        self._client = client

    def steer(self, asked: Steer) -> Steered:
        """Do what a person asks of a run."""
        done = invoke(self._client, self._function, asked.model_dump(mode="json"), Steered)
        if done.refused:
            raise Conflict(done.refused)
        return done
