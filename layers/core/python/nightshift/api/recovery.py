"""Recovery on demand: a case, or all that are alive, get a new execution where none drives them."""

from nightshift.api.desk import Desk
from nightshift.api.reads import one_case
from nightshift.identity.caller import Caller
from nightshift.ids import CaseId
from nightshift.model.recovery import Progress, RecoverAll, RecoveryRequest

__all__ = ["RECOVER", "recover_all", "recover_case"]

RECOVER = "cases:recover"


def recover_case(desk: Desk, caller: Caller, case: CaseId) -> Progress:
    """Start one case anew, whether or not its execution runs.

    Raises:
        NotPermitted: the caller may not recover.
        NotFound: the tenant has no such case.
        Retryable: it may be asked for again.
    """
    caller.must(RECOVER)
    found = one_case(desk, caller, case)
    asked = RecoveryRequest(tenant=caller.tenant, case=found.id, by=f"person:{caller.principal.id}")
    return desk.recoveries.ask(asked)


def recover_all(desk: Desk, caller: Caller, asked: RecoverAll) -> Progress:
    """Do the next part of recovering all cases of the tenant, perhaps after a restore.

    Raises:
        NotPermitted: the caller may not recover.
        BadInput: an instant or a cursor that cannot be.
        Retryable: it may be asked for again.
    """
    caller.must(RECOVER)
    request = RecoveryRequest(tenant=caller.tenant, by=f"person:{caller.principal.id}", **asked.model_dump())
    return desk.recoveries.ask(request)
