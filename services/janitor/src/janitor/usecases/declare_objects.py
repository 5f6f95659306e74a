"""Enter many objects at once: what a janitor does that catches up with a log."""

from collections.abc import Sequence
from dataclasses import dataclass

from janitor.domain.ledger import Declaration, state_when_declared
from janitor.ports import UnitOfWork


@dataclass(frozen=True, slots=True)
class DeclareObjects:
    """The same as one DeclareObject after the other, in one transaction."""

    unit_of_work: UnitOfWork

    async def __call__(self, declarations: Sequence[Declaration]) -> None:
        if not declarations:
            return
        async with self.unit_of_work.begin() as transaction:
            dead = await transaction.ledger.hold_all([item.asset_id for item in declarations])
            for is_dead in (False, True):
                chosen = [item for item in declarations if (item.asset_id in dead) is is_dead]
                state = state_when_declared(asset_is_dead=is_dead)
                await transaction.ledger.declare_all(chosen, state)
