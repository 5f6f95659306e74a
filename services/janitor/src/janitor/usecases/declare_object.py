"""Enter an object that a producer declared."""

from dataclasses import dataclass

from janitor.domain.ledger import Declaration, state_when_declared
from janitor.ports import UnitOfWork


@dataclass(frozen=True, slots=True)
class DeclareObject:
    """Deletes nothing: a late key of a dead asset is condemned and waits for the catalog's fact."""

    unit_of_work: UnitOfWork

    async def __call__(self, declaration: Declaration) -> None:
        async with self.unit_of_work.begin() as transaction:
            dead = await transaction.ledger.hold(declaration.asset_id)
            await transaction.ledger.declare(declaration, state_when_declared(asset_is_dead=dead))
