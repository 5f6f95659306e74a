"""A lost catalog comes back: rows, then what nobody was told, then the schema is whole."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from catalog.recovery.ports import Positions
from catalog.recovery.usecases.rebuild_rows import RebuildRows
from catalog.recovery.usecases.tell_untold import TellUntold


@dataclass(frozen=True, slots=True)
class Recovered:
    """What came of it."""

    unexplained: int
    unreadable: int
    untold: int
    requested: int

    def plain(self) -> dict[str, int]:
        """For the audit and for programs."""
        return {
            "facts_unexplained": self.unexplained,
            "state_records_unreadable": self.unreadable,
            "facts_applied_again": self.untold,
            "runs_requested_again": self.requested,
        }


@dataclass(frozen=True, slots=True)
class RecoverCatalog:
    """Goes on where a kill ended it; `close` takes recovery's tables away and writes the audit."""

    rebuild: RebuildRows
    untold: TellUntold
    close: Callable[[Recovered], Awaitable[None]]

    async def __call__(self, ends: Mapping[str, Positions]) -> Recovered:
        tally = await self.rebuild(ends)
        applied, requested = await self.untold()
        recovered = Recovered(tally.unexplained, tally.unreadable, applied, requested)
        await self.close(recovered)
        return recovered
