"""What `--enforce-iam` checks where ministack checks something else than AWS, and a count of refusals.

Ministack looks these functions up in its modules for each call, and only when IAM is enforced.
"""

import json
from collections.abc import Callable
from typing import Any

from ministack.core import iam_actions, iam_evaluator
from ministack.services import dynamodb
from typing_extensions import override

from local import leading_keys
from local.statemachines.tokens import Tokens
from local.stats import Stats

__all__ = ["install"]

# Where a request holds its statements; the first is one.
_STATEMENTS_IN = {
    "dynamodb:ExecuteStatement": "",
    "dynamodb:ExecuteTransaction": "TransactStatements",
    "dynamodb:BatchExecuteStatement": "Statements",
}
_ACTION_OF = {
    "SELECT": "dynamodb:PartiQLSelect",
    "EXISTS": "dynamodb:PartiQLSelect",  # it reads; AWS does not document which action it is
    "INSERT": "dynamodb:PartiQLInsert",
    "UPDATE": "dynamodb:PartiQLUpdate",
    "DELETE": "dynamodb:PartiQLDelete",
}
_TASK_ANSWERS = {"SendTaskSuccess", "SendTaskFailure", "SendTaskHeartbeat"}

Check = tuple[str, str]  # an action and an ARN


class _Items(str):
    """The ARN of a table or index, and the partition keys addressed there.

    A string, because ministack hands it on as it is; nothing else of a single item reaches `enforce`.
    """

    __slots__ = ("leading_keys",)
    leading_keys: list[str]

    @override
    def __new__(cls, arn: str, leading_keys: list[str]) -> "_Items":
        made = super().__new__(cls, arn)
        made.leading_keys = leading_keys
        return made


def install(tokens: Tokens, stats: Stats) -> None:
    """All of this module."""
    check_what_each_statement_does()
    check_answers_on_the_token_s_owner(tokens)
    compare_leading_keys()
    know_conditional_puts()
    know_what_a_key_is_used_for()
    count_refusals(stats)


def check_what_each_statement_does() -> None:
    """No policy names `ExecuteStatement`. `test_a_statement_needs_the_permission_for_what_it_does`."""
    theirs = iam_actions.dynamodb_transaction_checks

    def checks(action: str, body: bytes, region: str, account: str) -> list[Check]:
        if action not in _STATEMENTS_IN:
            return list(theirs(action, body, region, account))
        request, part = _parsed(body), _STATEMENTS_IN[action]
        statements = request.get(part) or [] if part else [request]
        found = (_statement_check(statement, region, account) for statement in statements)
        return [check for check in found if check]

    iam_actions.dynamodb_transaction_checks = checks


def _statement_check(statement: dict[str, Any], region: str, account: str) -> Check | None:
    """None for what the parser that carries it out cannot read; a call of only those needs its own action."""
    try:
        parsed = dynamodb._parse_partiql(statement.get("Statement", ""), statement.get("Parameters", []))
    except ValueError:
        return None
    arn = iam_actions._dynamodb_table_arn(parsed["table"], region, account)
    arn += f"/index/{parsed['index']}" if parsed.get("index") else ""
    return _ACTION_OF[parsed["op"]], _Items(arn, leading_keys.in_statement(parsed.get("select") or parsed))


def check_answers_on_the_token_s_owner(tokens: Tokens) -> None:
    """AWS checks the machine or activity that waits.

    `test_an_answer_needs_permission_on_the_token_s_machine`,
    `test_an_activity_s_answer_needs_permission_on_the_activity`.
    """
    theirs = iam_actions.extract_resource_arn

    def arn_of(service: str, method: str, path: str, headers: dict[str, str], body: bytes, *rest: Any) -> Any:
        answers = headers.get("x-amz-target", "").rsplit(".", 1)[-1] in _TASK_ANSWERS
        owner = tokens.owner(_parsed(body).get("taskToken", "")) if service == "states" and answers else None
        return owner or theirs(service, method, path, headers, body, *rest)

    iam_actions.extract_resource_arn = arn_of


def compare_leading_keys() -> None:
    """Ministack does not know `dynamodb:LeadingKeys`. `test_leading_keys_hold_a_role_to_its_items`."""
    theirs = iam_evaluator.enforce

    def enforce(
        key: str, action: str, service: str, region: str, resource_arn: str = "*", service_context: Any = None
    ) -> Any:
        context = dict(service_context or {})
        if isinstance(resource_arn, _Items) and resource_arn.leading_keys:
            context["dynamodb:LeadingKeys"] = resource_arn.leading_keys
        return theirs(key, action, service, region, resource_arn, context)

    iam_evaluator.enforce = enforce
    iam_actions.dynamodb_resource_arns = _with_keys(iam_actions.dynamodb_resource_arns)
    iam_actions.dynamodb_transaction_checks = _item_by_item(iam_actions.dynamodb_transaction_checks)


def _with_keys(theirs: Callable[..., list[str]]) -> Callable[..., list[str]]:
    def arns(body: bytes, *rest: str) -> list[str]:
        request = _parsed(body)
        return [_Items(arn, leading_keys.in_request(request, _table(arn))) for arn in theirs(body, *rest)]

    return arns


def _item_by_item(theirs: Callable[..., list[Check]]) -> Callable[..., list[Check]]:
    """For its keys may be allowed by different statements. `test_each_item_of_a_transaction_is_checked`."""

    def checks(action: str, body: bytes, *rest: str) -> list[Check]:
        if action in _STATEMENTS_IN:
            return theirs(action, body, *rest)
        items = _parsed(body).get("TransactItems") or []
        parts = [(kind, part) for item in items for kind, part in item.items()]
        return [check for kind, part in parts for check in of_one(action, kind, part, rest)]

    def of_one(action: str, kind: str, part: dict[str, Any], rest: tuple[str, ...]) -> list[Check]:
        alone = json.dumps({"TransactItems": [{kind: part}]}).encode()
        keys = leading_keys.in_request
        return [(name, _Items(arn, keys(part, _table(arn)))) for name, arn in theirs(action, alone, *rest)]

    return checks


def know_conditional_puts() -> None:
    """Ministack does not know `s3:if-none-match`. `test_a_policy_can_demand_that_nothing_is_put_over`."""
    theirs = iam_actions.s3_service_context

    def context(
        action: str, query: dict[str, Any] | None, path: str = "", headers: dict[str, str] | None = None
    ) -> dict[str, Any]:
        found = dict(theirs(action, query, path, headers))
        condition = (headers or {}).get("if-none-match")
        if action == "s3:PutObject" and condition:
            found["s3:if-none-match"] = condition
        return found

    iam_actions.s3_service_context = context


def know_what_a_key_is_used_for() -> None:
    """Ministack knows no condition of KMS. `test_a_key_is_used_only_for_what_its_conditions_name`."""
    theirs = iam_actions.request_tag_context

    def context(service: str, action: str, body: bytes, *rest: Any) -> dict[str, Any]:
        found = dict(theirs(service, action, body, *rest))
        if service == "kms":
            request = _parsed(body)
            used_for = request.get("EncryptionContext") or {}
            found |= {f"kms:EncryptionContext:{key}": value for key, value in used_for.items()}
            if "SigningAlgorithm" in request:
                found["kms:SigningAlgorithm"] = request["SigningAlgorithm"]
        return found

    iam_actions.request_tag_context = context


def count_refusals(stats: Stats) -> None:
    """Callers may swallow a refusal. `test_what_was_refused_is_counted`."""
    theirs = iam_evaluator.enforce

    def enforce(
        key: str, action: str, service: str, region: str, resource_arn: str = "*", service_context: Any = None
    ) -> Any:
        denied = theirs(key, action, service, region, resource_arn, service_context)
        if isinstance(denied, iam_evaluator.EvalResult):
            stats.count_refusal(denied.principal_arn, action, resource_arn)
        return denied

    iam_evaluator.enforce = enforce


def _parsed(body: bytes) -> dict[str, Any]:
    """The request; an empty one where ministack finds none either."""
    try:
        request = json.loads(body or b"{}")
    except ValueError:
        return {}
    return request if isinstance(request, dict) else {}


def _table(arn: str) -> str:
    """`arn:aws:dynamodb:…:table/NAME/index/…` → `NAME`."""
    return arn.partition(":table/")[2].partition("/")[0]
