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
        "if not any(hmac.compare_digest(each, given) for each in signed):",
        "if False and not any(hmac.compare_digest(each, given) for each in signed):",
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
        "plans:a-dry-run-changes-nothing",
        _CORE + "dryrun/foresee.py",
        "    return decide(proposal, _facts(parts, proposal))",
        "    tenant = parts.config.tenant(proposal.tenant)\n"
        "    parts.config.put_tenant(tenant.model_copy(update={'name': 'looked at'}))\n"
        "    return decide(proposal, _facts(parts, proposal))",
    ),
    Mutation(
        "plans:nothing-is-read-for-who-may-not",
        _CORE + "dryrun/foresee.py",
        "    if verdict.decision is Decision.REFUSE:",
        "    if verdict.decision is Decision.REFUSE and not proposal.plan.steps:",
    ),
    Mutation(
        "plans:one-order-one-run",
        _CORE + "api/plans.py",
        "        run=occurrence_run_id(caller.tenant, caller.actor, key),",
        "        run=occurrence_run_id(caller.tenant, caller.actor, f'{key}{__import__(\"time\").time_ns()}'),",
    ),
    Mutation(
        "plans:one-undo-at-a-time",
        _CORE + "api/undo.py",
        "        if _proposal(desk, run) is None or desk.runs.outcome(run) is None:",
        "        if _proposal(desk, run) is None:",
    ),
    Mutation(
        "plans:only-with-its-tests",
        _CORE + "api/plans.py",
        "        if not found.passed:",
        "        if False:",
    ),
    Mutation(
        "planner:injected-text-is-data",
        _CORE + "planner/fill.py",
        'case str() if "${" in value:',
        "case str() if False:",
    ),
    Mutation(
        "planner:has-no-hands",
        "stacks/cases.py",
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
        "gate:language",
        _CORE + "gate/arguments.py",
        "    for fault in faults:\n        yield Problem(field, fault.problem, fault.fix)",
        "    for fault in faults[:0]:\n        yield Problem(field, fault.problem, fault.fix)",
    ),
    Mutation(
        "gate:computed-taint",
        _CORE + "gate/named.py",
        "return uses(source) if source is not None else ()",
        "return ()",
    ),
    Mutation(
        "plans:expressions-end",
        _CORE + "effort.py",
        "    if effort > MOST:",
        "    if effort > 2 * MOST:",
    ),
    Mutation(
        "effects:none-of-a-skipped-step",
        _CORE + "tools/run.py",
        "if skipped(proposal.plan, step, before):",
        "if skipped(proposal.plan, step, before) and step.needs == ():",
    ),
    Mutation(
        "gate:whole-plan-or-nothing",
        _CORE + "gate/checks.py",
        'yield Finding(rule="permission", step=step.id, field="tool", problem=problem, fix=fix)',
        "return",
    ),
    Mutation(
        "gate:unreadable-rule-holds",
        _CORE + "gate/rules.py",
        "            seen = None\n",
        "            return None\n",
    ),
    Mutation(
        "gate:budgets-hold",
        _CORE + "aws/windows.py",
        '"ConditionExpression": "version = :version",',
        '"ConditionExpression": "version = :version OR attribute_exists(version)",',
    ),
    Mutation(
        "gate:blast-radius",
        _CORE + "gate/blast.py",
        "if radius.writes is not None and len(writes) > radius.writes:",
        "if False:",
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
        "runs:what-failed-is-taken-back",
        _CORE + "runs/unwind.py",
        "    if it_went_through or not back.steps:",
        "    if it_went_through or back.steps or not back.steps:",
    ),
    Mutation(
        "runs:a-wait-is-kept",
        _CORE + "runs/hold.py",
        "    return parts.runs.keep(result)",
        "    return result",
    ),
    Mutation(
        "runs:a-stopped-run-makes-nothing",
        _CORE + "aws/ledger.py",
        '_nobody_went_on = "(attribute_not_exists(generation) OR',
        '_nobody_went_on = "(attribute_not_exists(generation) OR attribute_exists(generation) OR',
    ),
    Mutation(
        "runs:done-steps-are-not-repeated",
        _CORE + "runs/again.py",
        "if not result.went_well} | made_nothing",
        "if result} | made_nothing",
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
        "effects:a-halt-stops-within-one-step",
        _CORE + "aws/ledger.py",
        '(attribute_not_exists(halted) OR halted = :no)"',
        '(attribute_not_exists(halted) OR halted = :no OR attribute_exists(halted))"',
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
        "effects:only-unowned-payments",
        "functions/adapters/stripe/ownership.py",
        "    if marks:\n        return",
        "    if marks and False:\n        return",
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
        "log:proves-itself-against-an-outside-anchor",
        _CORE + "actionlog/proof.py",
        "if found == head.hash:",
        "if True:",
    ),
    Mutation(
        "log:forgotten-fields-are-gone",
        _CORE + "actionlog/personal.py",
        "keys.forget(tenant, subject)",
        "pass",
    ),
    Mutation(
        "ingress:nothing-accepted-is-lost",
        _CORE + "ingress/receive.py",
        'return record.model_copy(update={"event": _event(record, parsed), "pending": record.received_at})',
        'return record.model_copy(update={"event": _event(record, parsed)})',
    ),
    Mutation(
        "approvals:get-does-nothing",
        "functions/api/routes/approvals.py",
        '@router.post("/v1/approvals/<approval>/approve", tags=["approvals"])',
        '@router.get("/v1/approvals/<approval>/approve", tags=["approvals"])',
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
        _CORE + "wiring/http.py",
        'field = ".".join(str(part) for part in inside) or str(first["loc"][0])',
        'field = "body"',
    ),
    Mutation(
        "recovery:no-case-stays-stranded",
        _CORE + "cases/recover.py",
        'if state.status == "NONE":',
        "if False:",
    ),
    Mutation(
        "recovery:old-generations-are-powerless",
        _CORE + "tools/effect.py",
        "case Stop.OUTDATED | Stop.ENDED | Stop.IN_DOUBT:\n            return _given_up(door, ready, why.stop)",
        "case Stop.OUTDATED | Stop.ENDED | Stop.IN_DOUBT:\n"
        "            refusal = Rejected(_WHY[why.stop], code=why.stop.value)\n"
        "            return refuse(door, ready.given, ready.proposal, refusal)",
    ),
    Mutation(
        "recovery:a-settled-run-stays-settled",
        _CORE + "aws/ledger.py",
        'not_ended = f"({no_other_effect_is_open}) AND attribute_not_exists(ended)"',
        "not_ended = no_other_effect_is_open",
    ),
    Mutation(
        "recovery:sleepers-keep-their-deadline",
        _CORE + "context/observe.py",
        "if case.status is CaseStatus.SLEEPING and case.lock is None:\n        return _asleep(parts, case, given)",
        "if case.status is None:\n        return _asleep(parts, case, given)",
    ),
    Mutation(
        "recovery:a-restore-loses-nothing",
        _CORE + "cases/restore.py",
        "if body.stored_at >= since",
        "if body.stored_at < since",
    ),
    Mutation(
        "recovery:a-restore-doubles-nothing",
        _CORE + "tools/effect.py",
        "for key in keys_of_lost_wakes(door, ready) if effect.in_doubt else ():",
        "for key in ():",
    ),
    Mutation(
        "workflows:each-occurrence-once",
        _CORE + "workflows/occur.py",
        "stands = desk.workflows.claim(wanted, subject=subject, armed=armed)",
        "desk.workflows.claim(wanted, subject=subject, armed=armed)\n    stands = wanted",
    ),
    Mutation(
        "workflows:as-their-owner",
        _CORE + "workflows/occur.py",
        "if role is None or RUN not in role.permissions:",
        "if role is None:",
    ),
    Mutation(
        "workflows:a-price-change-is-one-event",
        _CORE + "ingress/prices.py",
        'opaque("price", tenant, channel, sku, rival, str(seq))',
        'opaque("price", tenant, channel, sku, rival, str(seq), str(after))',
    ),
)
