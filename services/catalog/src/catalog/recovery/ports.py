"""What recovery needs of the log, of the schema it fills, and of the live use cases."""

from collections.abc import Sequence
from typing import Protocol

from catalog.domain.asset import Asset
from catalog.recovery.domain.history import Played
from common.events import Received


class Player(Protocol):
    """The live use cases on one asset in memory: tried, never stored."""

    async def hear(
        self, asset: Asset | None, received: Received, told: Received | None
    ) -> Played | None:
        """What the consumers make of a fact of another service.

        `told` is our next fact that the log holds, from which comes what the use case would have
        asked the world then: the clock, the library. None when it cannot be applied (yet).
        """
        ...

    async def obey(self, asset: Asset, told: Received) -> Played | None:
        """What the command behind a fact of ours makes of it; None for no command of ours."""
        ...


Records = Sequence[Received]
