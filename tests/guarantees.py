"""The promises kept so far. A test shows each; `docs/guarantees.md` lists them; both ways are checked.

Mark a test with `@pytest.mark.guarantee("effects:at-most-once")`. `make prove` takes the code behind
each promise away, one at a time, and expects the promise's test to fail.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["GUARANTEES", "Guarantee"]


@dataclass(frozen=True)
class Guarantee:
    id: str
    promise: str
    source: str


GUARANTEES = (
    Guarantee(
        "ingress:forged-webhook",
        "A webhook without the right signature is refused, stored nowhere and starts nothing.",
        "DESIGN §4",
    ),
    Guarantee(
        "ingress:replayed-webhook",
        "The same delivery, or the same body under a new delivery id, opens no second case and makes no second effect.",
        "DESIGN §4",
    ),
    Guarantee(
        "ingress:nothing-accepted-is-lost",
        "What was answered 200 reaches a case's inbox, or is parked where a person sees it.",
        "DESIGN §13",
    ),
    Guarantee("cases:one-open-case-per-subject", "A subject has at most one open case.", "DESIGN §3"),
    Guarantee(
        "cases:no-lost-wake-up",
        "An event that arrives while a case falls asleep, closes or is awake is seen by it.",
        "DESIGN §13",
    ),
    Guarantee(
        "cases:every-failure-ends-with-a-person",
        "A case ends closed, sleeping or with a person; every failure route leads to a person.",
        "DESIGN §13",
    ),
    Guarantee(
        "planner:injected-text-is-data",
        "What a customer writes changes no plan beyond the intent and the photos it shows.",
        "DESIGN §1",
    ),
    Guarantee(
        "planner:has-no-hands",
        "The planner can neither call a tool nor start, resume or approve anything.",
        "DESIGN §11",
    ),
    Guarantee(
        "gate:no-rule-means-refuse", "A tool or an amount that no rule mentions is refused.", "DESIGN §5"
    ),
    Guarantee(
        "gate:whole-plan-or-nothing",
        "One forbidden step refuses the whole plan before its first step.",
        "CAPABILITIES F2",
    ),
    Guarantee(
        "approvals:digest-binds-the-step",
        "Nothing runs under an approval but exactly what it showed.",
        "DESIGN §7",
    ),
    Guarantee("approvals:expiry-refuses", "A question nobody answered in time is a refusal.", "DESIGN §7"),
    Guarantee("approvals:get-does-nothing", "Looking at an approval never decides it.", "DESIGN §7"),
    Guarantee(
        "approvals:requester-is-not-approver", "Who asks for an effect cannot approve it.", "DESIGN §7"
    ),
    Guarantee(
        "effects:at-most-once",
        "A tool that dies between any two lines and is tried again makes one effect, whether the vendor honours keys or not.",
        "DESIGN §6",
    ),
    Guarantee(
        "effects:unknown-is-reconciled",
        "An effect whose outcome is unknown is settled by asking the vendor before anything else is written in its run.",
        "DESIGN §6",
    ),
    Guarantee(
        "effects:none-without-an-authorised-plan",
        "No tool changes the world without a stored plan, its verdict, and bounds the resolved arguments keep.",
        "DESIGN §13",
    ),
    Guarantee(
        "effects:one-claim-across-cases",
        "The same refund asked for by two cases is made once; the second ends with a person.",
        "DESIGN §6",
    ),
    Guarantee(
        "effects:never-over-refund", "Claimed plus refunded never exceeds what was captured.", "DESIGN §6"
    ),
    Guarantee(
        "log:intent-before-effect", "The log names an effect before the vendor hears of it.", "DESIGN §6"
    ),
    Guarantee(
        "log:append-only", "No role that writes the log can overwrite or delete an entry.", "DESIGN §8"
    ),
    Guarantee(
        "log:chain-proves-itself",
        "An edited, removed, inserted or reordered entry of a stream is found.",
        "DESIGN §8",
    ),
    Guarantee(
        "privacy:no-personal-data-in-logs",
        "No log line and no log entry holds what a customer wrote, an address, a name or a secret.",
        "DESIGN §13",
    ),
    Guarantee("tenants:no-tenant-sees-another", "A record of another tenant is not found.", "DESIGN §13"),
    Guarantee(
        "input:bad-input-names-the-field",
        "Bad input gets an error that names the field and the fix, and changes nothing.",
        "DESIGN §13",
    ),
)
