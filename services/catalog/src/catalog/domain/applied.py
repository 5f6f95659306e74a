"""Which facts an asset has already heard of: the idempotence of every projector here."""

from enum import StrEnum
from uuid import UUID

from catalog.domain.asset import Asset
from common.errors import Unavailable
from common.events import Fact
from common.events.envelope import Envelope


class Outcome(StrEnum):
    """What became of one fact.

    A gap behind one relay cannot happen; were it ever seen, the fact is applied all the same and
    counted, because waiting for a record that does not exist would stop every asset of the
    partition.
    """

    APPLIED = "applied"
    DUPLICATE = "duplicate"
    GAP = "gap"


def outcome_of(asset: Asset, fact: Fact, cause: Envelope) -> Outcome:
    """Compare the sequence of a fact with the last one applied from its topic."""
    last = asset.applied.get(fact.TOPIC.name, 0)
    if cause.sequence <= last:
        return Outcome.DUPLICATE
    return Outcome.APPLIED if cause.sequence == last + 1 else Outcome.GAP


def known(asset: Asset | None) -> Asset:
    """The asset a fact speaks of.

    Raises Unavailable for one not heard of yet: between topics there is no order, its registration
    is on its way.
    """
    if asset is None:
        raise Unavailable("the asset is not known here yet", code="asset_unknown", retry_after=1)
    return asset


def known_run(asset: Asset | None, run: UUID) -> Asset:
    """The asset a fact of a processing run speaks of.

    Raises Unavailable for a run not asked for yet, as when both topics are read again from their
    beginning: taken now, it would count as superseded and the asset would wait for ever. A dead
    asset asks for nothing any more; what is made for it is condemned.
    """
    asset = known(asset)
    if not asset.dead and not asset.asked_for(run):
        raise Unavailable("the run is not known here yet", code="run_unknown", retry_after=1)
    return asset
