"""The bytes are stored: they become an asset, or an alias of the asset that already holds them."""

from dataclasses import dataclass

from catalog.domain.applied import Outcome, outcome_of
from catalog.domain.asset import Asset, Change
from catalog.domain.processing import request_run
from catalog.domain.registering import become_alias, expected, refuse_late, register, stored
from catalog.domain.states import State
from catalog.ports import CatalogTransaction, Transactions
from common.errors import Unavailable
from common.events import UploadCompleted
from common.events.envelope import Envelope

# each round loses to a delete of the very asset that stood there; more than a few is not chance
ROUNDS = 5


@dataclass(frozen=True, slots=True)
class RegisterAsset:
    """Enter the library or return who stands there, by its unique index.

    Never looked up first, then acted on.
    """

    transactions: Transactions

    async def __call__(self, fact: UploadCompleted, cause: Envelope) -> Outcome:
        async with self.transactions.open() as work:
            asset = await work.assets.lock_or_create(expected(fact, at=cause.time))
            outcome = outcome_of(asset, fact, cause)
            if outcome is not Outcome.DUPLICATE:
                change = await _decide(work, asset, fact, cause)
                await work.assets.save(change.covering(fact, cause), cause)
        return outcome


async def _decide(
    work: CatalogTransaction, asset: Asset, fact: UploadCompleted, cause: Envelope
) -> Change:
    if asset.state is not State.UPLOADING:
        return refuse_late(asset, fact)
    arrived = stored(asset, fact, at=cause.time)
    winner = await _standing(work, arrived)
    if winner.asset_id == arrived.asset_id:
        return register(arrived, fact)
    if winner.state is State.FAILED:
        # the same bytes once more: the owner wants them to work
        await work.assets.save(request_run(winner), cause)
    return become_alias(arrived, fact, winner=winner.asset_id)


async def _standing(work: CatalogTransaction, arrived: Asset) -> Asset:
    """The living asset that holds these bytes, locked.

    The one that arrived, or the one before it.
    """
    for _ in range(ROUNDS):
        winner_id = await work.library.admit(arrived)
        if winner_id == arrived.asset_id:
            return arrived
        winner = await work.assets.lock(winner_id)
        if winner is not None and winner.living:
            return winner
    raise Unavailable("the library entry keeps changing", code="library_busy", retry_after=1)
