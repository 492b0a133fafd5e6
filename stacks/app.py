"""The list of stacks: `python -m stacks.app` synthesises them without credentials, Docker or the CDK CLI.

Context, by `cdk -c name=value` or by environment variable:

    stage   NIGHTSHIFT_STAGE    dev, staging or prod; dev unless told
    layers  NIGHTSHIFT_LAYERS   lambda or host: which of `python -m build.layers`; lambda unless told
"""

import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Final

from aws_cdk import App, DefaultStackSynthesizer, Validations
from aws_cdk import aws_logs as logs
from cdk_nag import AwsSolutionsChecks

from stacks.adapter import Adapter, adapters
from stacks.adapters import AdaptersStack
from stacks.api import ApiStack
from stacks.data import DataStack
from stacks.functions import FunctionsStack
from stacks.layers import ROOT
from stacks.operations import OperationsStack
from stacks.queues import QueuesStack
from stacks.stage import Stage

__all__ = ["STAGES", "UnknownChoice", "add_stacks", "main", "new_app"]

_DAYS = logs.RetentionDays

STAGES: Final[Mapping[str, Stage]] = {
    stage.name: stage
    for stage in (
        Stage(
            name="dev", keep_data=False, log_retention=_DAYS.ONE_WEEK, body_days=30, requests_per_second=20
        ),
        Stage(
            name="staging",
            keep_data=False,
            log_retention=_DAYS.ONE_MONTH,
            body_days=30,
            requests_per_second=50,
        ),
        Stage(
            name="prod",
            keep_data=True,
            log_retention=_DAYS.SIX_MONTHS,
            body_days=90,
            requests_per_second=200,
        ),
    )
}

# Set here and not in cdk.json, so that `python -m stacks.app` and `cdk synth` make the same templates.
_FLAGS: Final = {"@aws-cdk/aws-s3:serverAccessLogsUseBucketPolicy": True}


class UnknownChoice(Exception):
    """A context value names nothing there is; the message lists what there is."""


def new_app(outdir: str | None = None) -> App:
    """An app without stacks that checks what it synthesises; into `outdir`, else CDK_OUTDIR."""
    app = App(
        outdir=outdir,
        context=_FLAGS,
        analytics_reporting=False,
        tree_metadata=False,
        default_stack_synthesizer=DefaultStackSynthesizer(generate_bootstrap_version_rule=False),
    )
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    return app


def add_stacks(app: App, stage: Stage, *, vendors: Sequence[Adapter], layers: Path) -> None:
    """The stacks of one stage, each after what it builds upon.

    Args:
        app: gets them.
        stage: one of `STAGES`.
        vendors: the adapters, as their `adapter.toml` describe them.
        layers: the folder with the third-party layers, one folder each.
    """
    data = DataStack(app, stage=stage)
    queues = QueuesStack(app, stage=stage)
    functions = FunctionsStack(app, stage=stage, data=data, queues=queues, adapters=vendors, layers=layers)
    edge = AdaptersStack(app, stage=stage, data=data, queues=queues, adapters=vendors, layers=layers)
    ApiStack(app, stage=stage, api=functions.api, webhooks=edge.webhooks)
    OperationsStack(app, stage=stage, queues=queues, functions=functions)


def main() -> None:
    """Synthesise what context and environment ask for.

    Raises:
        UnknownChoice: the stage or the kind of layers does not exist.
    """
    app = new_app(os.getenv("CDK_OUTDIR", "cdk.out"))
    stage = STAGES[_choice(app, "stage", among=STAGES, unless_told="dev")]
    platform = _choice(app, "layers", among=("lambda", "host"), unless_told="lambda")
    add_stacks(app, stage, vendors=adapters(), layers=ROOT / "build" / "layers" / platform)
    app.synth()


def _choice(app: App, name: str, *, among: Collection[str], unless_told: str) -> str:
    told = app.node.try_get_context(name) or os.getenv(f"NIGHTSHIFT_{name.upper()}") or unless_told
    if told not in among:
        message = f"{name}: there is no {told!r}. Choose one of {', '.join(among)}."
        raise UnknownChoice(message)
    return str(told)


if __name__ == "__main__":
    main()
