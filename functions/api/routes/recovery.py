"""Recovery: cases that nothing drives are started anew."""

from functions.api.routes.asking import CasePath, asked_of
from nightshift.api.recovery import recover_all, recover_case
from nightshift.ids import CaseId
from nightshift.model.recovery import Progress, RecoverAll
from nightshift.wiring.http import new_router

__all__ = ["router"]

router = new_router()


@router.post("/v1/cases/<case>/recover", tags=["recovery"])
def one(case: CasePath) -> Progress:
    """Start one case anew, at the wake it is at. Needs `cases:recover`."""
    asked = asked_of(router)
    return recover_case(asked.desk, asked.caller, CaseId(case))


@router.post("/v1/recover", tags=["recovery"])
def everything(body: RecoverAll) -> Progress:
    """Recover the tenant's cases, part by part, until `done`. Needs `cases:recover`."""
    asked = asked_of(router)
    return recover_all(asked.desk, asked.caller, body)
