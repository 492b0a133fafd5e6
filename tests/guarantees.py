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
    Guarantee(
        "mail:proven-sender",
        "A mail proves its sender by DMARC, spam and virus verdicts that all pass, or not at all.",
        "DESIGN §6",
    ),
    Guarantee(
        "mail:address-on-record",
        "A reply by mail goes to the address on the order's record, or nowhere.",
        "DESIGN §6",
    ),
    Guarantee(
        "mail:never-answers-machines",
        "Loops, auto-replies, lists and bounces start nothing and are never answered.",
        "DESIGN §6",
    ),
    Guarantee(
        "mail:bombs",
        "Many mails of one sender, and a mail made to hurt, cost a bounded amount and open no cases beyond a cap.",
        "DESIGN §6",
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
        "effects:only-unowned-payments",
        "A payment processor moves no money of a payment that a commerce order owns, or that nobody can place.",
        "DESIGN §6",
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
        "log:proves-itself-against-an-outside-anchor",
        "An edit, a removed tail, a removed stream, a complete rewrite with every hash recomputed and a forged or rolled-back anchor are found.",
        "DESIGN §8",
    ),
    Guarantee(
        "log:forgotten-fields-are-gone",
        "The personal fields of a forgotten customer's log entries cannot be read again, and the chains still hold.",
        "DESIGN §8",
    ),
    Guarantee(
        "privacy:no-personal-data-in-logs",
        "No log line and no log entry holds what a customer wrote, an address, a name or a secret.",
        "DESIGN §13",
    ),
    Guarantee(
        "recovery:no-case-stays-stranded",
        "A case whose execution, or whose answer, is lost is found and goes on, whatever dies in between.",
        "DESIGN §4",
    ),
    Guarantee(
        "recovery:old-generations-are-powerless",
        "An execution that was given up can change no case, end no run and make no effect, and leaves its steps open.",
        "DESIGN §4",
    ),
    Guarantee(
        "recovery:a-settled-run-stays-settled",
        "A run that was settled makes no effect any more, in any generation.",
        "DESIGN §4",
    ),
    Guarantee(
        "recovery:sleepers-keep-their-deadline",
        "A case whose execution is lost while it sleeps sleeps on until its deadline, without a new plan.",
        "DESIGN §4",
    ),
    Guarantee(
        "recovery:a-restore-loses-nothing",
        "Every event accepted after the point that the tables were restored to is taken in again, with the same id.",
        "DESIGN §10",
    ),
    Guarantee(
        "recovery:a-restore-doubles-nothing",
        "After a restore no effect is made that the vendor has already, under whichever wake's key.",
        "DESIGN §6",
    ),
    Guarantee("tenants:no-tenant-sees-another", "A record of another tenant is not found.", "DESIGN §13"),
    Guarantee(
        "input:bad-input-names-the-field",
        "Bad input gets an error that names the field and the fix, and changes nothing.",
        "DESIGN §13",
    ),
)
