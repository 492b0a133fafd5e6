"""Every metric's name and unit, in one place: functions count them, alarms and the dashboard read them."""

from enum import StrEnum

__all__ = ["NAMESPACE", "Metric"]

NAMESPACE = "Nightshift"


class Metric(StrEnum):
    """What is counted; `HANDOFF_SECONDS` is a duration in seconds, all others are counts."""

    HANDOFF_SECONDS = "HandoffSeconds"  # from receipt of the event to the case lying with a person
    HANDED_OVER = "CasesHandedOver"
    RECOVERED = "CasesRecovered"
    RECOVERY_GIVEN_UP = "RecoveryGivenUp"  # restarted too often: handed to a person
    ROLLED_OVER = "CasesRolledOver"
    DELIVERIES_RESENT = "DeliveriesResent"
    DELIVERIES_PARKED = "DeliveriesParked"
    EFFECTS_UNKNOWN = "EffectsUnknown"
    RECONCILE_PENDING = "ReconcilePending"  # effects still UNKNOWN at the end of their run
    UNDO_FAILED = "UndoFailed"  # a run failed, and what it had done could not all be taken back
    RUNS_FAILED = "RunsFailed"  # runs without a case that did not go through
    CALLS_THROTTLED = "CallsThrottled"
    BREAKER_OPENED = "BreakerOpened"
    SHAPE_DRIFTED = "ShapeDrifted"  # a vendor answered in a shape nobody expected; its writes stop
    CREDENTIALS_REFUSED = "CredentialsRefused"
    MAIL_REFUSED = "MailRefused"  # loops, bombs, spam, unreadable: noted, never answered
    WORKFLOWS_PAUSED = "WorkflowsPaused"  # its owner is gone or may not run plans any more
    FEEDS_FAILED = "FeedsFailed"  # watched prices could not be read
    ANCHORED = "HeadsAnchored"
    LOG_BROKEN = "LogBroken"  # verification found a break
