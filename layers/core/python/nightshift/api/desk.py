"""What the API's functions reach the world through."""

from dataclasses import dataclass

from nightshift.clock import Clock
from nightshift.model.tool import ToolSpec
from nightshift.ports.again import Reruns
from nightshift.ports.anchors import Anchors, FingerPosts, PublicKey
from nightshift.ports.approvals import Approvals
from nightshift.ports.cases import Cases
from nightshift.ports.config import Config
from nightshift.ports.deliveries import Deliveries
from nightshift.ports.dryrun import DryRuns
from nightshift.ports.flow import EventQueue, Executions
from nightshift.ports.health import Health
from nightshift.ports.launch import Launch
from nightshift.ports.ledger import Ledger
from nightshift.ports.limits import Limits
from nightshift.ports.log import ActionLog
from nightshift.ports.repair import DeadLetters, Replays
from nightshift.ports.restore import Recoveries
from nightshift.ports.runs import Runs
from nightshift.ports.sealing import Sealing
from nightshift.ports.steer import Steering
from nightshift.ports.workflows import Workflows

__all__ = ["Desk", "LogProof"]


@dataclass(frozen=True, kw_only=True)
class LogProof:
    """What proves the log, and what opens its personal fields."""

    anchors: Anchors
    posts: FingerPosts
    key: PublicKey
    sealing: Sealing


@dataclass(frozen=True, kw_only=True)
class Desk:
    """The records and services behind the API.

    Args:
        identity_key: the key that signs staff identities.
        tools: the generated catalog.
        by_mail: adapters whose deliveries are mail.
    """

    cases: Cases
    runs: Runs
    approvals: Approvals
    log: ActionLog
    proof: LogProof
    config: Config
    deliveries: Deliveries
    executions: Executions
    launch: Launch
    dry_runs: DryRuns
    steering: Steering
    reruns: Reruns
    workflows: Workflows
    recoveries: Recoveries
    health: Health
    ledger: Ledger
    limits: Limits
    dead: DeadLetters
    replays: Replays
    queue: EventQueue
    by_mail: frozenset[str]
    clock: Clock
    identity_key: str
    tools: tuple[ToolSpec, ...]
