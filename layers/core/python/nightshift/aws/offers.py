"""Events offered to workflows: asked for in the function that hears them, where any wants such an event."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from pydantic import JsonValue

from nightshift.aws.invoke import invoke
from nightshift.aws.workflows import DynamoWorkflows
from nightshift.clock import Clock
from nightshift.ids import TenantId
from nightshift.model.base import Noun
from nightshift.model.event import Event

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_lambda import LambdaClient

__all__ = ["LambdaOffers"]

_KEPT_FOR = timedelta(seconds=5)
_MOST = 200  # tenants whose wishes a warm function remembers


class _Begun(Noun):
    begun: int


class LambdaOffers:
    """The `Offers` port; `function` hears events.

    What a tenant's workflows want to hear is remembered for five seconds: one that is switched on hears what
    is dispatched after that. The function is waited for, so that events of one subject keep their order.
    """

    def __init__(
        self, workflows: DynamoWorkflows, function: str, lambdas: "Callable[[], LambdaClient]", clock: Clock
    ) -> None:
        self._workflows = workflows
        self._function = function
        self._lambdas = lambdas
        self._clock = clock
        self._kinds: dict[TenantId, tuple[datetime, frozenset[str]]] = {}

    def offer(self, event: Event) -> None:
        """Have workflows that want such an event run."""
        if event.kind.value in self._wanted(event.tenant):
            asked: dict[str, JsonValue] = {"op": "hear", "event": event.model_dump(mode="json")}
            invoke(self._lambdas(), self._function, asked, _Begun)

    def _wanted(self, tenant: TenantId) -> frozenset[str]:
        now = self._clock.now()
        kept = self._kinds.get(tenant)
        if kept is None or now - kept[0] >= _KEPT_FOR:
            while len(self._kinds) >= _MOST:
                self._kinds.pop(next(iter(self._kinds)))
            kept = (now, self._workflows.kinds(tenant))
            self._kinds[tenant] = kept
        return kept[1]
