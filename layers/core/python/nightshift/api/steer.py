"""What a caller may ask of a run that no case carries, beside its plan."""

from nightshift.api.desk import Desk
from nightshift.api.plans import RUN_PLANS
from nightshift.api.runs import one_run
from nightshift.identity.caller import Caller
from nightshift.ids import RunId
from nightshift.model.steer import Steer, Steered, Verb

__all__ = ["steer_run"]


def steer_run(desk: Desk, caller: Caller, run: RunId, *, verb: Verb, note: str) -> Steered:
    """Stop a run between two steps, carry it on, try it again from its failed step, or end it as it stands.

    What was done stays done and is not repeated. The gate's verdict stands: a run goes on only with what
    it had allowed.

    Raises:
        NotPermitted: the caller may not run plans.
        NotFound: the tenant has no such run.
        Conflict: a case carries it, or it does not stand so; says why.
        Retryable: the same call again goes on.
    """
    caller.must(RUN_PLANS)
    found = one_run(desk, caller, run)
    return desk.steering.steer(Steer(verb=verb, run=found.run, by=caller.principal, note=note))
