"""How the live ledger differs from what the log says."""

from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Differences:
    """Counts of rows, for assets, objects and orders.

    `missing`: the log has it, the ledger does not. `unknown`: the other way round. `behind`: the
    ledger has not come as far as the log (an object still living that was condemned or purged, an
    order not done that is). `ahead`: the ledger is further, as it is while facts of ours wait in
    the outbox. `other`: the same row says something else. `rows` is the size of the live ledger.
    """

    rows: int = 0
    assets_missing: int = 0
    assets_unknown: int = 0
    assets_behind: int = 0
    assets_ahead: int = 0
    assets_other: int = 0
    objects_missing: int = 0
    objects_unknown: int = 0
    objects_behind: int = 0
    objects_ahead: int = 0
    objects_other: int = 0
    orders_missing: int = 0
    orders_unknown: int = 0
    orders_behind: int = 0
    orders_ahead: int = 0
    orders_other: int = 0

    def counts(self) -> dict[str, int]:
        """Those that are not zero."""
        return {name: n for name, n in asdict(self).items() if n and name != "rows"}

    @property
    def none(self) -> bool:
        """The ledger is what the log says."""
        return not self.counts()
