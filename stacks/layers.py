"""Which function gets which layers, and where they come from.

The split is a lock as much as a saving: a function without the layer `http` cannot call a vendor.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from stacks.limits import ARCHITECTURE, PYTHON

__all__ = ["LAYERS", "ROOT", "RUNTIME", "LayerSet", "LayersNotBuilt"]

ROOT: Final = Path(__file__).parents[1]

RUNTIME: Final = lambda_.Runtime(f"python{PYTHON}", lambda_.RuntimeFamily.PYTHON)

LAYERS: Final[Mapping[str, tuple[str, ...]]] = {
    "webhook": ("base",),
    "mail": ("base", "mail"),
    "dispatcher": ("base", "seal"),
    "sweep": ("base",),
    "context": ("base",),
    "planner": ("base", "expressions"),
    "gate": ("base", "expressions"),
    "adapter": ("base", "http", "expressions"),
    "mailer": ("base", "expressions"),
    "approvals-notifier": ("base", "expressions"),
    "runner": ("base", "expressions"),
    "recorder": ("base",),
    "recovery": ("base",),
    "workflows": ("base", "expressions"),
    "intake": ("base",),
    "anchor": ("base",),
    "api": ("base", "identity", "seal", "expressions"),
    "dryrun": ("base", "expressions"),
    "again": ("base", "expressions", "seal"),
    "onboarding": ("base", "identity", "expressions"),
}
"""Third-party layers by function; `webhook` and `adapter` stand for every adapter's two.

`mailer` stands for the tools of an adapter that sends by SES: it calls no vendor over HTTP.
"""


class LayersNotBuilt(Exception):
    """A third-party layer is not on disk; the message says how to build it."""


class LayerSet(Construct):
    """The layers of one stack, each made when a function first asks for it.

    Every stack has its own layer versions of the same assets: an export of a layer's ARN would change
    with each build, and CloudFormation refuses to change an export that another stack uses.

    Args:
        scope: the stack.
        built: the folder that `python -m build.layers` filled for the platform.
    """

    def __init__(self, scope: Construct, *, built: Path) -> None:
        super().__init__(scope, "Layers")
        self.built = built
        self._made: dict[str, lambda_.LayerVersion] = {}

    def of(self, function: str) -> list[lambda_.ILayerVersion]:
        """The layers of a function in `LAYERS`: our own package, then third-party code.

        Raises:
            LayersNotBuilt: names the command that builds them.
        """
        return [self._layer(name) for name in ("core", *LAYERS[function])]

    def _layer(self, name: str) -> lambda_.LayerVersion:
        if name not in self._made:
            folder = self.built / name
            if not folder.is_dir():
                platform = self.built.name
                message = f"{folder} is not there: run `python -m build.layers --platform {platform}`"
                raise LayersNotBuilt(message)
            self._made[name] = lambda_.LayerVersion(
                self,
                name.capitalize(),
                code=lambda_.Code.from_asset(str(folder)),
                compatible_runtimes=[RUNTIME],
                compatible_architectures=[lambda_.Architecture.custom(ARCHITECTURE)],
                description=f"nightshift: {name}",
            )
        return self._made[name]
