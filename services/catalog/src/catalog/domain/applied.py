"""Which facts an asset has already heard of: the idempotence of every projector here."""

from enum import StrEnum
from uuid import UUID

from catalog.domain.asset import Asset
from catalog.domain.states import State
from common.errors import NotYet
from common.events import Fact
from common.events.envelope import Envelope


class Outcome(StrEnum):
    """What became of one fact."""

    APPLIED = "applied"
    DUPLICATE = "duplicate"


def outcome_of(asset: Asset, fact: Fact, cause: Envelope) -> Outcome:
    """Compare the sequence of a fact with the last one applied from its topic.

    Raises NotYet for one that comes before its predecessor: applied now, the predecessor would be
    taken for a duplicate and lost. It waits with all that follow it, and no other asset does.
    """
    last = asset.applied.get(fact.TOPIC.name, 0)
    if cause.sequence <= last:
        return Outcome.DUPLICATE
    if cause.sequence > last + 1:
        raise NotYet(f"{cause.sequence} came after {last}", code="sequence_gap")
    return Outcome.APPLIED


def known(asset: Asset | None) -> Asset:
    """The asset a fact speaks of.

    Raises NotYet for one not heard of: between topics there is no order, its registration
    is on its way.
    """
    if asset is None:
        raise NotYet("the asset is not known here yet", code="asset_unknown")
    return asset


def known_run(asset: Asset | None, run: UUID) -> Asset:
    """The asset a fact of a processing run speaks of.

    Raises NotYet for a run not asked for yet, as when both topics are read again from their
    beginning: taken now, it would count as superseded and the asset would wait for ever. A dead
    asset asks for nothing any more; what is made for it is condemned.
    """
    asset = known(asset)
    if not asset.dead and not asset.asked_for(run):
        raise NotYet("the run is not known here yet", code="run_unknown")
    return asset


def purge_decided(asset: Asset) -> Asset:
    """The asset whose last object is said to be gone.

    Raises NotYet while nothing here let it go: the janitor acts on our own word, so what led to it
    stands in a topic that is read again and has not come that far. Taken now, the asset would be
    left in the state before for ever.
    """
    if asset.living or asset.state in {State.UPLOADING, State.DELETED}:
        raise NotYet("no purge was decided here yet", code="purge_unknown")
    return asset
