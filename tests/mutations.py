"""For each promise the code that keeps it, and what the code is without it. `make prove` tries each.

`old` stands exactly once in `file` (a test holds that, so that this list cannot rot).
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["MUTATIONS", "Mutation"]

_CORE = "layers/core/python/nightshift/"


@dataclass(frozen=True)
class Mutation:
    guarantee: str
    file: str
    old: str
    new: str


MUTATIONS = (
    Mutation(
        "ingress:forged-webhook",
        "functions/adapters/shopify/webhooks.py",
        "if not hmac.compare_digest(expected,",
        "if False and not hmac.compare_digest(expected,",
    ),
    Mutation(
        "ingress:replayed-webhook",
        _CORE + "aws/acceptance.py",
        "if condition_failed(exc, 0) or condition_failed(exc, 1):",
        "if condition_failed(exc, 0):",
    ),
    Mutation(
        "cases:one-open-case-per-subject",
        _CORE + "aws/acceptance.py",
        "self._put(taken, new),",
        'self._put(taken, "attribute_exists(pk) OR attribute_not_exists(pk)"),',
    ),
    Mutation(
        "cases:no-lost-wake-up",
        _CORE + "aws/cases.py",
        '_MINE = "#generation = :generation AND #wake = :wake AND #inbox_seq = :seen"',
        '_MINE = "#generation = :generation AND #wake = :wake AND #inbox_seq >= :seen"',
    ),
    Mutation(
        "cases:every-failure-ends-with-a-person",
        _CORE + "recorder/commit.py",
        "return _to_person(parts, given, reasons.ended(outcome, _verdict(parts, given.run)))",
        "return _close(parts, given, case, parts.runs.proposal(outcome.run))",
    ),
    Mutation(
        "planner:injected-text-is-data",
        _CORE + "planner/fill.py",
        'case str() if "${" in value:',
        "case str() if False:",
    ),
    Mutation(
        "planner:has-no-hands",
        "stacks/functions.py",
        'data.runs.may("GetItem", "PutItem", only=("plan#*",)),',
        'data.runs.may("GetItem", "PutItem"),',
    ),
    Mutation(
        "gate:no-rule-means-refuse",
        _CORE + "gate/spending.py",
        'yield Finding(rule="no-rule", step=step.id, field="limit", problem=problem, fix=fix)',
        "return",
    ),
    Mutation(
        "gate:whole-plan-or-nothing",
        _CORE + "gate/checks.py",
        'yield Finding(rule="permission", step=step.id, field="tool", problem=problem, fix=fix)',
        "return",
    ),
    Mutation(
        "approvals:digest-binds-the-step",
        _CORE + "tools/run.py",
        'raise Rejected(message, code="approval.missing")',
        "return",
    ),
    Mutation(
        "approvals:expiry-refuses",
        _CORE + "model/moves.py",
        "if approval.status is ApprovalStatus.APPROVED:",
        "if approval.status in {ApprovalStatus.APPROVED, ApprovalStatus.EXPIRED}:",
    ),
    Mutation(
        "approvals:requester-is-not-approver",
        _CORE + "approvals/decide.py",
        'if by.id == record.requester.id or by.kind != "person":',
        "if False:",
    ),
    Mutation(
        "effects:at-most-once",
        _CORE + "tools/effect.py",
        "if isinstance(found, Done):",
        "if False:",
    ),
    Mutation(
        "effects:unknown-is-reconciled",
        _CORE + "aws/ledger.py",
        'no_other_effect_is_open = "attribute_not_exists(unsettled) OR unsettled = :own"',
        'no_other_effect_is_open = "attribute_not_exists(unsettled) OR unsettled = :own OR unsettled <> :own"',
    ),
    Mutation(
        "effects:none-without-an-authorised-plan",
        _CORE + "tools/run.py",
        'raise Rejected(message, code="plan.not_authorised")',
        "pass",
    ),
    Mutation(
        "effects:one-claim-across-cases",
        _CORE + "aws/ledger.py",
        "actions = [(Stop.CLAIMED, self._put(stored, free, values, names))]",
        "actions = []",
    ),
    Mutation(
        "effects:never-over-refund",
        _CORE + "aws/ledger.py",
        'it_fits = "(attribute_not_exists(#open) OR #open <= :left)"',
        'it_fits = "(attribute_not_exists(#open) OR #open <= :left OR #open > :left)"',
    ),
    Mutation(
        "log:intent-before-effect",
        _CORE + "tools/effect.py",
        "in_doubt: bool = False) -> StepResult:\n    log_intent(door, ready, effect)",
        "in_doubt: bool = False) -> StepResult:",
    ),
    Mutation(
        "log:chain-proves-itself",
        _CORE + "actionlog/chain.py",
        "if entry.hash != _hash(entry):",
        "if False:",
    ),
    Mutation(
        "ingress:nothing-accepted-is-lost",
        _CORE + "ingress/receive.py",
        'return record.model_copy(update={"event": _event(record, parsed), "pending": record.received_at})',
        'return record.model_copy(update={"event": _event(record, parsed)})',
    ),
    Mutation(
        "approvals:get-does-nothing",
        "functions/api/routes.py",
        '@app.post("/v1/approvals/<approval>/approve", tags=["approvals"])',
        '@app.get("/v1/approvals/<approval>/approve", tags=["approvals"])',
    ),
    Mutation(
        "log:append-only",
        "stacks/constructs/table.py",
        '("PartiQLInsert", "Query"), {})',
        '("PartiQLInsert", "PutItem", "Query"), {})',
    ),
    Mutation(
        "privacy:no-personal-data-in-logs",
        _CORE + "context/observe.py",
        '"evidence": [i.evidence for i in package.intents],',
        '"evidence": [e.model_dump_json() for e in package.events],',
    ),
    Mutation(
        "tenants:no-tenant-sees-another",
        _CORE + "api/reads.py",
        """    found = desk.approvals.find(approval)
    if found is None or found.tenant != caller.tenant:""",
        """    found = desk.approvals.find(approval)
    if found is None:""",
    ),
    Mutation(
        "input:bad-input-names-the-field",
        "functions/api/routes.py",
        'field = ".".join(str(part) for part in inside) or str(first["loc"][0])',
        'field = "body"',
    ),
)
