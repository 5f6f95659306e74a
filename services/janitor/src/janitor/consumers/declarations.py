"""What a fact says of objects that exist, and who says it."""

from common.events import AssetRegistered, Received, RenditionReady, UploadCompleted, UploadStarted
from common.ids import AssetId, ObjectKey
from janitor.domain.ledger import Declaration

Declaring = UploadStarted | UploadCompleted | AssetRegistered | RenditionReady


def declaration_of(received: Received, fact: Declaring) -> Declaration:
    """Raises Corrupt for a key that is not of the fact's own asset."""
    return Declaration(
        ObjectKey(fact.key),
        AssetId(fact.asset_id),
        received.envelope.source,
        received.envelope.id,
    )
