"""The list of stacks: `python -m stacks.app` synthesises them without credentials, Docker or the CDK CLI.

Context, by `cdk -c name=value` or by environment variable:

    stage   NIGHTSHIFT_STAGE    dev, staging or prod; dev unless told
    layers  NIGHTSHIFT_LAYERS   lambda or host: which of `python -m build.layers`; lambda unless told
    mail    NIGHTSHIFT_MAIL     domains and addresses whose mail SES takes in, by commas; none unless told
    told    NIGHTSHIFT_TOLD     mail addresses that alarms and a budget write to, by commas; none unless told
    traces  NIGHTSHIFT_TRACES   on or off: X-Ray; as the stage has it unless told
    internal NIGHTSHIFT_INTERNAL  hosts of stand-in vendors that a channel of dev may name; none unless told
"""

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from aws_cdk import App, DefaultStackSynthesizer, Validations
from aws_cdk import aws_logs as logs
from cdk_nag import AwsSolutionsChecks

from stacks.adapter import Adapter, adapters
from stacks.adapters import AdaptersStack
from stacks.api import ApiStack
from stacks.backup import BackupStack
from stacks.data import DataStack
from stacks.functions import FunctionsStack
from stacks.layers import ROOT
from stacks.mail import MailStack
from stacks.onboarding import OnboardingStack
from stacks.operations import OperationsStack
from stacks.proof import ProofStack
from stacks.queues import QueuesStack
from stacks.stage import Stage
from stacks.watch import Watched

__all__ = ["STAGES", "Options", "UnknownChoice", "add_stacks", "main", "new_app"]

_DAYS = logs.RetentionDays

STAGES: Final[Mapping[str, Stage]] = {
    stage.name: stage
    for stage in (
        Stage(
            name="dev",
            keep_data=False,
            log_retention=_DAYS.ONE_WEEK,
            body_days=30,
            requests_per_second=20,
            anchor_lock="GOVERNANCE",
            anchor_days=1,
            anchor_seconds=5,
            traces=False,
            budget_dollars=20,
            backup_days=0,
        ),
        Stage(
            name="staging",
            keep_data=False,
            log_retention=_DAYS.ONE_MONTH,
            body_days=30,
            requests_per_second=50,
            anchor_lock="GOVERNANCE",
            anchor_days=7,
            anchor_seconds=60,
            traces=True,
            budget_dollars=50,
            backup_days=0,
        ),
        Stage(
            name="prod",
            keep_data=True,
            log_retention=_DAYS.SIX_MONTHS,
            body_days=90,
            requests_per_second=200,
            anchor_lock="COMPLIANCE",
            anchor_days=400,
            anchor_seconds=300,
            traces=False,
            budget_dollars=300,
            backup_days=35,
        ),
    )
}

# Set here and not in cdk.json, so that `python -m stacks.app` and `cdk synth` make the same templates.
_FLAGS: Final = {
    "@aws-cdk/aws-s3:serverAccessLogsUseBucketPolicy": True,
    "@aws-cdk/aws-iam:minimizePolicies": True,
    "@aws-cdk/core:defaultCrossStackReferences": "strong",  # what another stack uses cannot be deleted
}


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


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a deployment switches on for itself.

    Args:
        recipients: domains and addresses whose mail SES is to take in; none, and no rule is made.
        told: mail addresses that alarms and a budget write to; none, and there is no budget.
    """

    recipients: Sequence[str] = ()
    told: Sequence[str] = ()


def add_stacks(
    app: App, stage: Stage, *, vendors: Sequence[Adapter], layers: Path, options: Options | None = None
) -> None:
    """The stacks of one stage, each after what it builds upon.

    Args:
        app: gets them.
        stage: one of `STAGES`.
        vendors: the adapters, as their `adapter.toml` describe them.
        layers: the folder with the third-party layers, one folder each.
        options: what this deployment switches on.
    """
    options = options or Options()
    data = DataStack(app, stage=stage)
    queues = QueuesStack(app, stage=stage)
    functions = FunctionsStack(app, stage=stage, data=data, queues=queues, adapters=vendors, layers=layers)
    edge = AdaptersStack(app, stage=stage, data=data, queues=queues, adapters=vendors, layers=layers)
    api = ApiStack(app, stage=stage, api=functions.api, webhooks=edge.webhooks)
    proof = ProofStack(app, stage=stage, data=data, layers=layers)
    MailStack(app, stage=stage, data=data, queues=queues, layers=layers, recipients=options.recipients)
    OnboardingStack(app, stage=stage, data=data, queues=queues, adapters=vendors, layers=layers, api=api)
    backups = BackupStack(app, stage=stage, data=data) if stage.backup_days else None
    watched = Watched(
        stage=stage,
        api=api.api,
        queues={"events": queues.events.queue, "approvals": queues.approvals.queue},
        dead={
            "events": queues.events.dead,
            "approvals": queues.approvals.dead,
            "mail": queues.mail_dead,
        },
        machines={"case": functions.cases.machine.machine, "run": functions.runs.machine.machine},
        ticking=functions.ticking,
        anchor=proof.anchor.function,
        backups=backups.failures() if backups else None,
    )
    OperationsStack(app, watched=watched, told=options.told)


def main() -> None:
    """Synthesise what context and environment ask for.

    Raises:
        UnknownChoice: the stage or the kind of layers does not exist.
    """
    app = new_app(os.getenv("CDK_OUTDIR", "cdk.out"))
    stage = _stage(app)
    platform = _choice(app, "layers", among=("lambda", "host"), unless_told="lambda")
    layers = ROOT / "build" / "layers" / platform
    options = Options(recipients=_listed(app, "mail"), told=_listed(app, "told"))
    add_stacks(app, stage, vendors=adapters(), layers=layers, options=options)
    app.synth()


def _stage(app: App) -> Stage:
    stage = STAGES[_choice(app, "stage", among=STAGES, unless_told="dev")]
    if traces := _told(app, "traces"):
        stage = replace(stage, traces=_choice(app, "traces", among=("on", "off"), unless_told=traces) == "on")
    internal = tuple(_listed(app, "internal"))
    if internal and stage.name != "dev":
        message = f"internal: {stage.name} reaches vendors only, never {', '.join(internal)}."
        raise UnknownChoice(message)
    return replace(stage, internal_hosts=internal)


def _choice(app: App, name: str, *, among: Collection[str], unless_told: str) -> str:
    told = _told(app, name) or unless_told
    if told not in among:
        message = f"{name}: there is no {told!r}. Choose one of {', '.join(among)}."
        raise UnknownChoice(message)
    return told


def _told(app: App, name: str) -> str:
    return str(app.node.try_get_context(name) or os.getenv(f"NIGHTSHIFT_{name.upper()}") or "")


def _listed(app: App, name: str) -> list[str]:
    return [part.strip() for part in _told(app, name).split(",") if part.strip()]


if __name__ == "__main__":
    main()
