"""What the log says of one asset beyond its state record, and what came of telling it again."""

from dataclasses import dataclass

from catalog.domain.asset import Asset
from common.events import Message, Received


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """One asset's records in the log.

    `base` is the row of its state record, None when it has none that lives. `told` are our own
    facts past `base.facts`, `inputs` what the other services told and `base.applied` does not
    cover; both may hold duplicates. `record` is the sequence of the last state record or tombstone
    seen of it, 0 for none; `closed` says that this record was a tombstone or an alias.
    """

    base: Asset | None
    told: tuple[Received, ...]
    inputs: tuple[Received, ...]
    record: int = 0
    closed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """One step of a history on trial: the asset after it, the facts it tells, who would notice."""

    asset: Asset
    facts: tuple[Message, ...]
    seen: bool


@dataclass(frozen=True, slots=True)
class Tally:
    """What a rebuild met that should not be, over all its runs.

    `unexplained` are facts of ours that no history leads to, `unreadable` state records whose
    assets had to be told again by their facts.
    """

    unexplained: int = 0
    unreadable: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Retold:
    """The row, and what is still owed.

    `untold` are records that the row stands for and that the log does not hold, with their final
    sequences. `left` are inputs whose effect nobody was told of yet: they go through the live use
    cases. `unexplained` counts facts of ours that this history does not lead to.
    """

    asset: Asset | None
    untold: tuple[Message, ...] = ()
    left: tuple[Received, ...] = ()
    unexplained: int = 0
