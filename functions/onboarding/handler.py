"""One request of onboarding: who asks, then the route that answers."""

from typing import Any

from functions.onboarding.routes import answer
from nightshift.onboarding.office import Office
from nightshift.telemetry import entrypoint
from nightshift.wiring.onboarding import OnboardingSettings, wire

__all__ = ["handler"]


@entrypoint(OnboardingSettings, wire)
def handler(event: dict[str, Any], office: Office) -> dict[str, Any]:
    """Answer one request of an HTTP API (payload format 2.0)."""
    return answer(event, office)
