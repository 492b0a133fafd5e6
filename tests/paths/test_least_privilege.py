"""Every function and state machine can do its work with its role's permissions, which do hold it back."""

from __future__ import annotations

import fcntl
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from demo.assembly import assembly
from demo.shop import NeverHappened, Shop, open_shop
from demo.stories import STORIES, Told
from tests.paths import test_plans as plans
from tests.paths.seller import SKU, Seller
from tests.support.installation import Installation

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.xdist_group("iam")

PLANNER = "nightshift-dev-planner"


@dataclass(frozen=True)
class Strict:
    """An installation with IAM enforced, after all stories were told in it.

    Attributes:
        problems: by story, what did not come out as told.
        refusals: the permissions that were asked for and not had, until then.
        logs: all that the functions logged, by function.
    """

    shop: Shop
    problems: dict[str, list[str]]
    refusals: list[dict[str, Any]]
    logs: dict[str, str]


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Strict]:
    with (tmp_path_factory.getbasetemp().parent / "assembly.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the first process synthesises, the others find it done
        assembly()
    state: Path = tmp_path_factory.mktemp("strict") / "state"
    with open_shop(state, enforce_iam=True) as shop:
        told = {story.id: Told() for story in STORIES}
        for story in STORIES:
            try:
                story.tell(shop, told[story.id])
            except NeverHappened as never:
                told[story.id].problems.append(str(never))
                break
        yield Strict(
            shop=shop,
            problems={story: how.problems for story, how in told.items() if how.problems or not how.facts},
            refusals=shop.stack.stats()["refusals"],
            logs={log.stem: log.read_text(encoding="utf-8") for log in (state / "logs").glob("*.log")},
        )


def test_all_stories_come_out_as_told_with_iam_enforced(strict: Strict) -> None:
    assert strict.shop.stack.admin("GET", "health")["enforce_iam"]
    assert strict.refusals == []
    assert strict.problems == {}


def test_no_function_logs_a_refusal(strict: Strict) -> None:
    assert PLANNER in strict.logs
    assert [function for function, log in strict.logs.items() if "AccessDenied" in log] == []


def test_the_planner_s_role_writes_plans_and_no_verdicts(strict: Strict) -> None:
    lambdas = strict.shop.stack.client("lambda")
    planner = lambdas.get_function_configuration(FunctionName=PLANNER)
    runs = planner["Environment"]["Variables"]["TABLE_RUNS"]

    def put(pk: str) -> None:
        dynamodb.put_item(TableName=runs, Item={"pk": {"S": pk}, "sk": {"S": "-"}})

    with closing(_dynamodb_as(strict.shop, planner["Role"])) as dynamodb:
        put("plan#of-its-own")
        with pytest.raises(ClientError, match="AccessDenied"):
            put("verdict#of-its-own")


def test_workflows_and_intake_do_their_work_with_their_roles(strict: Strict) -> None:
    before = len(strict.shop.stack.stats()["refusals"])
    seller = Seller(Installation(strict.shop), "strict-seller")
    with closing(seller):
        seller.save("reprice-when-competitors-drop")
        seller.look()
        seller.feed.change(SKU, "11.28")
        assert seller.look()["events"] == 1
        assert [run.status for run in seller.ended(1)] == ["DONE"]
        seller.amazon.books.list_item(SKU, price="12.50", quantity=1)
        seller.ebay.books.list_it(SKU, quantity=1)
        seller.save("sync-inventory-daily")
        seller.time_comes("sync-inventory-daily")
        assert [run.status for run in seller.ended(2)] == ["DONE", "DONE"]
    assert strict.shop.stack.stats()["refusals"][before:] == []


def test_plans_of_people_are_run_stopped_and_taken_back_with_their_roles(strict: Strict) -> None:
    before = len(strict.shop.stack.stats()["refusals"])
    plans.test_a_plan_is_rehearsed_asked_about_carried_out_and_taken_back(strict.shop)
    plans.test_a_stopped_run_does_nothing_until_it_is_carried_on(strict.shop)
    plans.test_what_a_failed_run_had_done_is_shown_as_taken_back_and_not_taken_back_twice(strict.shop)
    assert strict.shop.stack.stats()["refusals"][before:] == []


def _dynamodb_as(shop: Shop, role: str) -> Any:  # noqa: ANN401  # a boto3 client
    keys = shop.stack.client("sts").assume_role(RoleArn=role, RoleSessionName="trial")["Credentials"]
    return shop.stack.client(
        "dynamodb",
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )
