"""The plan as a document: what its digest covers."""

from nightshift.ids import ChannelId, StepId
from nightshift.model.plan import Plan, PlanTest, Step

PLAN = Plan(
    name="x",
    inputs={"a": 1},
    steps=(Step(id=StepId("a"), tool="orders.get", channel=ChannelId("c"), args={"x": "${inputs.a}"}),),
)


def test_a_plan_stored_before_conditions_and_tests_came_keeps_its_digest():
    assert PLAN.digest() == "a9f41130c79b95ddbcf5d141d543d92d23aee4d07d5ba1373575cd9bc3548d2f"


def test_the_digest_covers_conditions_and_tests():
    when = PLAN.model_copy(update={"steps": (PLAN.steps[0].model_copy(update={"when": "inputs.a > 0"}),)})
    tested = PLAN.model_copy(update={"tests": (PlanTest(name="positive", that="inputs.a > 0"),)})
    assert len({PLAN.digest(), when.digest(), tested.digest()}) == 3
