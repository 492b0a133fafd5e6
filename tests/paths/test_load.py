"""Many events at once: every accepted one is in one inbox, once. `python -m bench --only load` times it."""

import random

from bench import load
from demo.shop import Shop
from fakes.shopify_hooks import Delivery

EVENTS = 300
SUBJECTS = 50
REPEATED = 60
AT_ONCE = 1000.0  # a second: faster than they are taken
SEED = 20261121


def test_of_three_hundred_events_at_once_with_repeats_among_them_none_is_lost_and_none_doubled(shop: Shop):
    before = load.read_books(shop)
    new = load.letters(shop, EVENTS, SUBJECTS)
    rng = random.Random(SEED)  # noqa: S311  # an order that can be repeated
    sent = [*new, *rng.sample(new, REPEATED)]
    rng.shuffle(sent)
    answers = load.post(shop, sent, rate=AT_ONCE)
    again = [delivery for delivery, status in zip(sent, answers.statuses, strict=True) if status != 200]
    accepted = {load.name_of(each): each for each in sent if each not in again}
    accepted |= {load.name_of(each): each for each in _until_accepted(shop, again)}
    assert len(accepted) == EVENTS

    load.work_off(shop, patience=180, say=print)
    books = load.read_books(shop).since(before)
    assert load.verdict(books, accepted.values()) == ()
    assert sum(books.inboxes.values()) == EVENTS


def test_a_lost_and_a_doubled_event_are_seen(shop: Shop):
    lost, doubled, fine = load.letters(shop, 3)
    events = [load.event_of(each) for each in (doubled, doubled, fine)]
    books = load.Books()
    books.inboxes.update(events)
    books.bodies.update(load.name_of(each) for each in (lost, doubled, fine))
    found = load.verdict(books, (lost, doubled, fine))
    assert found == (
        f"1 accepted, and in no inbox: {load.name_of(lost)}",
        f"1 in an inbox more than once: {load.event_of(doubled)}",
    )


def _until_accepted(shop: Shop, deliveries: list[Delivery]) -> list[Delivery]:
    """As vendors do: what was not answered 200 comes again."""
    waiting = deliveries
    for _ in range(5):
        if waiting:
            answers = load.post(shop, waiting, rate=50).statuses
            waiting = [each for each, status in zip(waiting, answers, strict=True) if status != 200]
    assert waiting == []
    return deliveries
