"""The demo's stories come out as told: through HTTP, the synthesised templates and the real handlers."""

import pytest

from demo.shop import Shop
from demo.stories import STORIES, Story, Told
from nightshift.actionlog.chain import verify
from nightshift.model.log import LogEntry


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
