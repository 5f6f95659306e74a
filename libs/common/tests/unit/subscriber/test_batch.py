from collections.abc import Sequence

from libs.common.tests.unit.subscriber.memory_ports import Scene, record

from common.errors import Unavailable
from common.events import Received
from common.events.record import SourceRecord
from common.subscriber.batch import take_together


class Desk(Scene):
    """A lane that takes many at once; `breaks` is what that raises."""

    def __init__(self, breaks: Exception | None = None) -> None:
        super().__init__()
        self.together: list[list[tuple[str, int]]] = []
        self.breaks = breaks
        self.lane.handle_many = self.handle_many

    async def handle_many(self, batch: Sequence[Received]) -> None:
        self.together.append([(item.key, item.envelope.sequence) for item in batch])
        if self.breaks:
            raise self.breaks


async def test_all_that_is_fit_is_taken_at_once_in_order() -> None:
    desk = Desk()
    broken = SourceRecord("t", 0, 0, 0, b"c", (), b"{")
    batch = [
        record("a", 1), broken, record("w", 1), record("a", 2),
        record("u", 1, kind="reprise.new.thing.v9"), record("b", 1),
    ]  # fmt: skip
    assert await take_together(desk.lane, batch, {"w"}) == {0, 3, 5}
    assert desk.together == [[("a", 1), ("a", 2), ("b", 1)]]


async def test_one_record_is_no_batch() -> None:
    desk = Desk()
    assert await take_together(desk.lane, [record("a", 1)], ()) == frozenset()
    assert desk.together == []


async def test_what_breaks_leaves_all_for_the_way_one_by_one() -> None:
    for error in (Unavailable(), ZeroDivisionError()):
        desk = Desk(error)
        batch = [record("a", 1), record("b", 1)]
        assert await take_together(desk.lane, batch, ()) == frozenset()
        assert desk.lane.gate._in_a_row == 0


async def test_a_group_that_cannot_is_not_asked() -> None:
    assert await take_together(Scene().lane, [record("a", 1)] * 3, ()) == frozenset()
