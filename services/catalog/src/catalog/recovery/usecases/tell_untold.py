"""Facts in the log whose effect nobody was told of: decided again, by the live use cases."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID

from catalog.domain.processing import request_again
from catalog.domain.states import State
from catalog.ports import Transactions
from catalog.recovery.ports import Leftovers, Progress
from common.errors import NotYet, RepriseError, Unavailable
from common.events import Received
from common.ids import AssetId

PAGE = 500  # assets looked up at once
ROUNDS = 10  # a fact waits for another asset's at most; what waits longer waits for a fact to come


@dataclass(frozen=True, slots=True)
class TellUntold:
    """What these decide is committed with its facts, which the relay then publishes.

    A kill loses nothing: a fact that was applied is a duplicate when it comes again.
    """

    transactions: Transactions
    leftovers: Leftovers
    handle: Callable[[Received], Awaitable[None]]
    progress: Progress

    async def __call__(self) -> tuple[int, int]:
        """How many facts were applied, and how many runs were asked for again."""
        self.progress.begin("untold facts", None)
        applied = 0
        for _ in range(ROUNDS):
            done = await self._round(park=False)
            applied += done
            if not done:
                break
        await self._round(park=True)
        return applied, await self._request_lost()

    async def _round(self, *, park: bool) -> int:
        done, after = 0, None
        while ids := await self.leftovers.assets(after, PAGE):
            for asset_id in ids:
                done += await self._asset(asset_id, park=park)
            after = ids[-1]
        return done

    async def _asset(self, asset_id: UUID, *, park: bool) -> int:
        done: list[UUID] = []
        for record, received in await self.leftovers.of(asset_id):
            waits = await self._applied(received)
            if waits is None or park:
                done.append(received.envelope.id)
            if waits is not None and park:
                await self.leftovers.park(record, received, waits)
        if done:
            await self.leftovers.done(asset_id, done)
        self.progress.advance(len(done))
        return len(done)

    async def _applied(self, received: Received) -> NotYet | None:
        try:
            await self.handle(received)
        except NotYet as error:
            return error
        except Unavailable:
            raise
        except RepriseError:
            return None  # no later try can make it right: it is among the dead letters
        return None

    async def _request_lost(self) -> int:
        """Unfinished processing is requested again only where nobody was ever asked for it."""
        asked = 0
        for asset_id in await self.leftovers.lost_requests():
            async with self.transactions.open() as work:
                asset = await work.assets.lock(AssetId(asset_id))
                if asset is not None and asset.state is State.PROCESSING:
                    await work.assets.save(request_again(asset), None)
                    asked += 1
        return asked
