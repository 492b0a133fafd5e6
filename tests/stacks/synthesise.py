"""Synthesises all stages, and one stack that cdk-nag must refuse: `… -m tests.stacks.synthesise FOLDER`."""

import sys
from pathlib import Path

from aws_cdk import Stack
from aws_cdk import aws_sqs as sqs

from build.bytecode import stage as stage_code
from stacks.adapter import adapters
from stacks.app import STAGES, Options, add_stacks, new_app
from stacks.layers import LAYERS


def main(folder: Path) -> None:
    layers = folder / "layers"
    for name in {name for names in LAYERS.values() for name in names}:
        placeholder = layers / name / "python" / f"{name}.py"
        placeholder.parent.mkdir(parents=True)
        placeholder.touch()
    stage_code(layers, python=None)
    every = Options(recipients=["shop.example"], told=["ops@shop.example"])
    for stage, options in (("dev", Options()), ("prod", Options()), ("staging", every)):
        app = new_app(str(folder / stage))
        add_stacks(app, STAGES[stage], vendors=adapters(), layers=layers, options=options)
        app.synth()
    (folder / "refusal.txt").write_text(_refusal(folder / "careless"), encoding="utf-8")


def _refusal(outdir: Path) -> str:
    app = new_app(str(outdir))
    sqs.Queue(Stack(app, "careless"), "Open")  # no TLS, no dead-letter queue
    try:
        app.synth()
    except RuntimeError as refused:
        return str(refused) + next(outdir.glob("*report.json")).read_text(encoding="utf-8")
    return ""


if __name__ == "__main__":
    main(Path(sys.argv[1]))
