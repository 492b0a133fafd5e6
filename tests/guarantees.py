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
        "gate:unreadable-rule-holds",
        "A tenant's rule that cannot be read or judged asks or refuses as if it held; saving one is refused.",
        "DESIGN §5",
    ),
    Guarantee(
        "gate:budgets-hold",
        "However many plans are judged at once, no budget of a day, a customer, a specialist or a workflow is overdrawn.",
        "DESIGN §5",
    ),
    Guarantee(
        "gate:blast-radius",
        "A plan that may reach more writes, products, customers or money than policy allows asks or is refused.",
        "DESIGN §5",
    ),
    Guarantee(
        "gate:no-rule-means-refuse", "A tool or an amount that no rule mentions is refused.", "DESIGN §5"
    ),
    Guarantee(
        "gate:language",
        "An expression that cannot be read, names what is not there or not needed, or gives the wrong type refuses the plan.",
        "DESIGN §5",
    ),
    Guarantee(
        "gate:computed-taint",
        "What is computed from text of customers or suppliers is held to what that text itself is held to.",
        "DESIGN §5",
    ),
    Guarantee(
        "plans:expressions-end",
        "What an expression may come to at worst is told before it is computed; what may never end is refused.",
        "DESIGN §5",
    ),
    Guarantee(
        "effects:none-of-a-skipped-step",
        "A step whose condition is not true makes no effect, and neither does what needs it.",
        "DESIGN §5",
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
        "runs:what-failed-is-taken-back",
        "What a run did before it failed is taken back, the last first, each once; what cannot be is said aloud.",
        "DESIGN §5",
    ),
    Guarantee(
        "runs:a-wait-is-kept",
        "The moment a plan waits for is fixed once; a recovered or resumed run waits the rest of it.",
        "DESIGN §5",
    ),
    Guarantee(
        "runs:a-stopped-run-makes-nothing",
        "A run that a person stopped makes no effect until a person lets it go on, whatever was under way.",
        "DESIGN §13",
    ),
    Guarantee(
        "runs:done-steps-are-not-repeated",
        "A run that is tried again repeats no step that was done, and keeps its effects' keys.",
        "DESIGN §6",
    ),
    Guarantee(
        "effects:none-without-an-authorised-plan",
        "No tool changes the world without a stored plan, its verdict, and bounds the resolved arguments keep.",
        "DESIGN §13",
    ),
    Guarantee(
        "effects:a-halt-stops-within-one-step",
        "When a tenant is halted, a run finishes at most the steps that are under way and begins no other effect.",
        "DESIGN §6",
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
    Guarantee(
        "plans:a-dry-run-changes-nothing",
        "A check or a dry run of a plan stores, reserves and changes nothing.",
        "DESIGN §5",
    ),
    Guarantee(
        "plans:nothing-is-read-for-who-may-not",
        "Of a plan that the gate would refuse its requester a dry run reads nothing.",
        "DESIGN §5",
    ),
    Guarantee(
        "plans:one-order-one-run",
        "The same order of the same person, sent again, is the same run.",
        "DESIGN §5",
    ),
    Guarantee(
        "plans:only-with-its-tests",
        "A plan with tests runs only when all of them hold of its dry run.",
        "DESIGN §5",
    ),
    Guarantee(
        "plans:one-undo-at-a-time",
        "A run is taken back by one run at a time, whoever asks for it.",
        "DESIGN §5",
    ),
    Guarantee("tenants:no-tenant-sees-another", "A record of another tenant is not found.", "DESIGN §13"),
    Guarantee(
        "input:bad-input-names-the-field",
        "Bad input gets an error that names the field and the fix, and changes nothing.",
        "DESIGN §13",
    ),
    Guarantee(
        "workflows:each-occurrence-once",
        "An occurrence of a workflow runs once, in the version that took it, whatever died or was saved meanwhile.",
        "DESIGN §5",
    ),
    Guarantee(
        "workflows:as-their-owner",
        "A workflow runs with the role that its owner has when it runs; without one it pauses and says so.",
        "DESIGN §5",
    ),
    Guarantee(
        "workflows:a-price-change-is-one-event",
        "Each change of a watched price is one event, though whoever looked died before they could remember.",
        "DESIGN §4",
    ),
)
