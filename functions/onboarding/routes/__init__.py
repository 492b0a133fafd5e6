"""The routes by topic: each calls one function of `nightshift.onboarding`. GET never changes anything."""

from typing import Any

from functions.onboarding.routes import channels, policy, tenants
from functions.onboarding.routes.asking import Asked
from nightshift.identity.caller import caller_behind
from nightshift.onboarding.office import Office
from nightshift.wiring.http import HttpApi

__all__ = ["answer", "description"]

_API = HttpApi(
    tenants.router,
    channels.router,
    policy.router,
    path="/v1/setup/openapi.json",
    title="nightshift setup",
    about="Tenants, their people, channels and policy. Every answer that is not a success has the body "
    '{"error": {"field", "problem", "fix"}}.',
)

description = _API.description


def answer(event: dict[str, Any], office: Office) -> dict[str, Any]:
    """The response to one request. Nobody unknown gets further than the API's own description."""

    def asked(authorization: str | None) -> Asked:
        now = office.clock.now()
        return Asked(office, caller_behind(office.config, authorization, office.identity_key, at=now))

    return _API.answer(event, asked)
