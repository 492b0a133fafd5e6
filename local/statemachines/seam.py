"""Seam 2: ministack's control plane, our executions."""

from typing import Any

from ministack import app
from ministack.services import stepfunctions as control_plane
from ministack.services.cloudformation import provisioners

from local.statemachines import patches, waiting
from local.statemachines.api import StatesApi
from local.statemachines.clients import ClientFactory
from local.statemachines.engine import Engine
from local.statemachines.lint import fault_of
from local.statemachines.tokens import Tokens
from local.stats import Stats

__all__ = ["install"]


def install(endpoint: str, time_scale: float, stats: Stats) -> Engine:
    """Put the engine into ministack, wherever an execution can begin."""
    tokens = Tokens()
    engine = Engine(tokens)
    patches.apply(ClientFactory(endpoint, stats))
    waiting.apply(time_scale, tokens, engine)
    api = StatesApi(engine, app.SERVICE_HANDLERS["states"])
    app.SERVICE_HANDLERS["states"] = api.handle
    # Rules, schedules, pipes and HTTP integrations call this function.
    control_plane._start_execution = lambda request: api.call("StartExecution", request)
    control_plane._describe_execution = lambda request: api.call("DescribeExecution", request)
    _refuse_bad_definitions_in_templates()
    _clear_on_reset(engine)
    return engine


def _refuse_bad_definitions_in_templates() -> None:
    """CloudFormation writes state machines past the API, so it lints here."""
    theirs = provisioners._sfn_definition

    def checked(props: dict[str, Any]) -> Any:
        definition = theirs(props)
        fault = fault_of(definition) if isinstance(definition, str) else None
        if fault:
            raise provisioners._sfn_handler_error(f"Invalid State Machine Definition: '{fault}'")
        return definition

    provisioners._sfn_definition = checked


def _clear_on_reset(engine: Engine) -> None:
    theirs = app._reset_all_state

    def reset(*args: Any, **options: Any) -> Any:
        engine.clear()
        return theirs(*args, **options)

    app._reset_all_state = reset
