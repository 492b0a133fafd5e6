"""What `--enforce-iam` checks, where ministack checks something else than AWS.

Ministack asks the functions replaced here by their names in its modules, for each call, only when IAM is enforced.
"""

import json
from typing import Any

from ministack.core import iam_actions, iam_evaluator
from ministack.services import dynamodb
from typing_extensions import override

from local import leading_keys
from local.statemachines.tokens import Tokens

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
    """The ARN of a table or index, and the partition keys addressed there."""

    __slots__ = ("leading_keys",)
    leading_keys: list[str]

    @override
    def __new__(cls, arn: str, leading_keys: list[str]) -> "_Items":
        made = super().__new__(cls, arn)
        made.leading_keys = leading_keys
        return made


def install(tokens: Tokens) -> None:
    """All of this module."""
    check_what_each_statement_does()
    check_answers_on_the_token_s_owner(tokens)
    compare_leading_keys()


def check_what_each_statement_does() -> None:
    """AWS knows no `ExecuteStatement` in policies. `test_a_statement_needs_the_permission_for_what_it_does`."""
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
    """None for what the parser that carries it out cannot read either."""
    try:
        parsed = dynamodb._parse_partiql(statement.get("Statement", ""), statement.get("Parameters", []))
    except ValueError:
        return None
    arn = iam_actions._dynamodb_table_arn(parsed["table"], region, account)
    arn += f"/index/{parsed['index']}" if parsed.get("index") else ""
    return _ACTION_OF[parsed["op"]], _Items(arn, leading_keys.in_statement(parsed.get("select") or parsed))


def check_answers_on_the_token_s_owner(tokens: Tokens) -> None:
    """AWS checks a token's state machine or activity. `test_an_answer_needs_permission_on_the_token_s_machine`."""
    theirs = iam_actions.extract_resource_arn

    def arn_of(service: str, method: str, path: str, headers: dict[str, str], body: bytes, *rest: Any) -> str:
        answers = headers.get("x-amz-target", "").rsplit(".", 1)[-1] in _TASK_ANSWERS
        owner = tokens.owner(_parsed(body).get("taskToken", "")) if service == "states" and answers else None
        return owner or str(theirs(service, method, path, headers, body, *rest))

    iam_actions.extract_resource_arn = arn_of


def compare_leading_keys() -> None:
    """Ministack does not know `dynamodb:LeadingKeys`. `test_leading_keys_hold_a_role_to_its_items`."""
    arns, checks = iam_actions.dynamodb_resource_arns, iam_actions.dynamodb_transaction_checks
    theirs = iam_evaluator.enforce

    def arns_with_keys(body: bytes, region: str, account: str) -> list[str]:
        request = _parsed(body)
        return [_Items(arn, leading_keys.in_request(request, _table(arn))) for arn in arns(body, region, account)]

    def checks_with_keys(action: str, body: bytes, region: str, account: str) -> list[Check]:
        if action in _STATEMENTS_IN:
            return list(checks(action, body, region, account))
        found: list[Check] = []
        for item in _parsed(body).get("TransactItems") or []:
            for kind, part in item.items():
                alone = json.dumps({"TransactItems": [{kind: part}]}).encode()
                for its_action, arn in checks(action, alone, region, account):
                    found.append((its_action, _Items(arn, leading_keys.in_request(part, _table(arn)))))
        return found

    def enforce(*arguments: Any, resource_arn: str = "*", service_context: Any = None, **named: Any) -> Any:
        context = dict(service_context or {})
        if isinstance(resource_arn, _Items) and resource_arn.leading_keys:
            context["dynamodb:LeadingKeys"] = resource_arn.leading_keys
        return theirs(*arguments, resource_arn=resource_arn, service_context=context, **named)

    iam_actions.dynamodb_resource_arns = arns_with_keys
    iam_actions.dynamodb_transaction_checks = checks_with_keys
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
