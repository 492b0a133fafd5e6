"""What the API's functions reach the world through."""

from dataclasses import dataclass

from nightshift.clock import Clock
from nightshift.model.tool import ToolSpec
from nightshift.ports.approvals import Approvals
from nightshift.ports.cases import Cases
from nightshift.ports.config import Config
from nightshift.ports.deliveries import Deliveries
from nightshift.ports.flow import Executions
from nightshift.ports.health import Health
from nightshift.ports.log import ActionLog
from nightshift.ports.runs import Runs

__all__ = ["Desk"]


@dataclass(frozen=True, kw_only=True)
class Desk:
    """The records and services behind the API.

    Args:
        identity_key: the key that signs staff identities.
        tools: the generated catalog.
    """

    cases: Cases
    runs: Runs
    approvals: Approvals
    log: ActionLog
    config: Config
    deliveries: Deliveries
    executions: Executions
    health: Health
    clock: Clock
    identity_key: str
    tools: tuple[ToolSpec, ...]
