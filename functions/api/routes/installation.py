"""The installation: its tools, and whether it is healthy."""

from functions.api.routes.asking import asked_of
from nightshift.api.doctor import examine
from nightshift.api.reads import see_catalog
from nightshift.model.view import DoctorReport, ToolPage
from nightshift.wiring.http import new_router

__all__ = ["router"]

router = new_router()


@router.get("/v1/catalog", tags=["installation"])
def catalog() -> ToolPage:
    """Every tool with its contract. Needs `catalog:read`."""
    asked = asked_of(router)
    return see_catalog(asked.desk, asked.caller)


@router.get("/v1/doctor", tags=["installation"])
def doctor() -> DoctorReport:
    """Channels, secrets, queues; `problems` is empty when all is well. Needs `config:read`."""
    asked = asked_of(router)
    return examine(asked.desk, asked.caller)
