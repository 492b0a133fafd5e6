"""The demo's stories come out as told: through HTTP, the synthesised templates and the real handlers."""

import pytest

from demo.shop import Shop
from demo.stories import STORIES, Story, Told
from nightshift.actionlog.chain import verify
from nightshift.ids import execution_name
from nightshift.model.case import CaseStatus
from nightshift.model.log import EntryKind, LogEntry


@pytest.mark.xdist_group("shop")
@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.id)
def test_a_story_comes_out_as_told(shop: Shop, story: Story):
    told = Told()
    story.tell(shop, told)
    assert told.problems == []
    assert told.facts
    for case in told.cases:
        chains: dict[str, list[LogEntry]] = {}
        for entry in shop.timeline(case):
            chains.setdefault(entry.stream, []).append(entry)
        assert [verify(chain) for chain in chains.values()] == [[] for _ in chains]


@pytest.mark.xdist_group("shop")
def test_the_doctor_finds_nothing_wrong_with_the_demo(shop: Shop):
    assert shop.as_("ana").doctor().problems == ()


@pytest.mark.xdist_group("shop")
def test_a_sleeping_case_that_a_person_resolves_ends_its_execution(shop: Shop):
    order = shop.place_order(name="#1100", customer={"email": "uma@example.com"}, fulfilment="delivered")
    shop.message(order, "My mug arrived broken.")
    case = shop.wait_for_case(order, CaseStatus.SLEEPING)
    shop.as_("ana").resolve(case.id, "sent a new one")
    assert shop.wait_for_case(order, CaseStatus.CLOSED).id == case.id
    states = shop.stack.client("stepfunctions")
    machines = states.list_state_machines()["stateMachines"]
    machine = next(m["stateMachineArn"] for m in machines if m["name"].endswith("case"))
    execution = f"{machine.replace(':stateMachine:', ':execution:')}:{execution_name(case.id, 1)}"

    def ended() -> str | None:
        status = str(states.describe_execution(executionArn=execution)["status"])
        return None if status == "RUNNING" else status

    assert shop.wait_for(ended, "the execution to end", seen=lambda: "RUNNING") == "SUCCEEDED"
    assert EntryKind.CASE_RESOLVED in shop.kinds(case.id)
    assert [sent.template for sent in shop.store.messages if "1100" in sent.conversation] == [
        "ask_for_photo@1"
    ]
