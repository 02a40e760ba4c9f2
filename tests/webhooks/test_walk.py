"""How far a walk has come: never further than what is written."""

from daimon.feed.models import Told
from daimon.kit import ids
from daimon.kit.clock import utc_now
from daimon.webhooks.walk import Walk


def told(sequence: int) -> Told:
    return Told(ids.new(), sequence, ids.new(), "pod.created", None, None, utc_now(), b"{}")


def test_a_walk_is_as_far_as_its_first_open_event() -> None:
    """Tried is not yet written; what was passed over counts; the order of ends does not."""
    walk = Walk(4)
    assert (walk.cursor, walk.settled) == (4, 4)
    walk.waiting.extend([told(6), told(7), told(9)])
    walk.read_to = 12
    assert (walk.cursor, walk.settled) == (5, 5)
    assert [walk.begin().sequence for _ in range(2)] == [6, 7]
    walk.end(7)
    assert (walk.cursor, walk.settled) == (5, 5)
    walk.end(6)
    assert (walk.cursor, walk.settled) == (8, 5)
    walk.settle(7)
    assert walk.settled == 5
    walk.settle(6)
    assert (walk.cursor, walk.settled) == (8, 8)
    assert walk.begin().sequence == 9
    walk.end(9)
    assert (walk.cursor, walk.settled) == (12, 8)
    walk.settle(9)
    assert walk.settled == 12
