"""What went wrong, grouped by what to do next.

    NightshiftError
      BadInput            the caller sent something wrong: names the field and the fix
      WireError           the five that cross the Lambda boundary, matched by class name
        Retryable         nothing happened; the same call may succeed later
        Throttled         nothing happened; the vendor said when to come back
        OutcomeUnknown    it may have happened; reconcile before anything else
        Rejected          the vendor (or the world) said no; the planner may think again
        Misconfigured     credentials, scopes, settings; stop and tell a person
      NotFound            a record that was asked for is not there
      NotIdentified       nobody we know stands behind the request
      NotPermitted        we know who asks, and their role does not allow it
      Conflict            a conditional write lost; re-read before acting
        Outdated          a newer generation, or a later wake, has the case; the caller must stop

Step Functions compares class *names* and knows no inheritance, so a tool's Lambda raises exactly
the five wire errors and nothing derived from them.
"""

__all__ = [
    "BadInput",
    "Conflict",
    "Misconfigured",
    "NightshiftError",
    "NotFound",
    "NotIdentified",
    "NotPermitted",
    "OutcomeUnknown",
    "Outdated",
    "Rejected",
    "Retryable",
    "Throttled",
    "WireError",
]


class NightshiftError(Exception):
    """Root of every error this project raises on purpose."""


class BadInput(NightshiftError):
    """The caller sent something that cannot be used; nothing was changed.

    Args:
        field: path of the offending field, as the caller wrote it.
        problem: what is wrong with it.
        fix: what would be accepted.
    """

    def __init__(self, field: str, problem: str, fix: str) -> None:
        super().__init__(f"{field}: {problem}. {fix}")
        self.field = field
        self.problem = problem
        self.fix = fix


class NotFound(NightshiftError):
    """A record that was asked for by id is not there."""


class NotIdentified(NightshiftError):
    """Nobody we know stands behind the request: no token, or one that proves nothing."""


class NotPermitted(NightshiftError):
    """The role of the one who asks does not hold a permission; names the permission.

    Args:
        permission: what the role lacks, e.g. `approvals:decide`.
        role: the role policy gives them.
    """

    def __init__(self, permission: str, role: str) -> None:
        super().__init__(f"the role {role} does not hold {permission}")
        self.permission = permission
        self.role = role


class Conflict(NightshiftError):
    """A conditional write lost against another writer; nothing was changed."""


class Outdated(Conflict):
    """Another generation, or a later wake, has the case: whoever called was given up, and must stop."""


class WireError(NightshiftError):
    """An error that crosses the Lambda boundary.

    Args:
        message: one sentence for a person; never personal data or a secret.
        code: a stable, machine-readable reason, e.g. `vendor.timeout` or `order.being_edited`.
        retry_after: seconds after which a new try makes sense, where that is known.
    """

    def __init__(self, message: str, *, code: str = "", retry_after: float | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.retry_after = retry_after


class Retryable(WireError):
    """Nothing happened; the same call may succeed later."""


class Throttled(WireError):
    """Nothing happened; the vendor said when to come back (`retry_after`)."""


class OutcomeUnknown(WireError):
    """It may have happened; reconcile before anything else."""


class Rejected(WireError):
    """The vendor, or the state of the world, said no; the planner may think again."""


class Misconfigured(WireError):
    """Credentials, scopes or settings are wrong; stop and tell a person."""
