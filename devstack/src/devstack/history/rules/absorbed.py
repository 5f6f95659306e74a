"""Every fact reached every consumer that has to act on it: at least once."""

from collections.abc import Iterator

from common.events import ProcessingRequested, UploadDeduplicated
from devstack.history.facts import CATALOG_READS, DECLARATIONS, ORDERS, said
from devstack.history.model import History, Record, Slot, Violation, first_times, short


def absorbed(history: History) -> Iterator[Violation]:
    """After rest, what consumers' tables do not show and nobody set aside is lost."""
    if not history.quiet:
        return
    for record in first_times(history.records):
        for consumer, token in _tokens(record):
            if consumer in history.consumers and not _taken(history, consumer, token, record):
                yield Violation(
                    "lost",
                    short(record.topic, record.key, f"#{record.sequence} never at {consumer}"),
                )


def _tokens(record: Record) -> Iterator[Slot]:
    """Who must show what of a record; the adapters of `tables` speak the same tokens."""
    for group, types in CATALOG_READS.items():
        if record.type in types:
            yield group, record.key
    if record.key.startswith("asset/"):
        yield "delivery.catalog-state", record.key
    if record.type == ProcessingRequested.TYPE:
        yield "transcoder", record.event_id
    if record.type == UploadDeduplicated.TYPE:
        yield "upload-gateway", f"ended {said(record.payload).get('upload_id')}"
    if record.type in DECLARATIONS:
        yield "janitor", str(said(record.payload).get("key"))
    if record.type in ORDERS:
        yield "janitor", record.event_id


def _taken(history: History, consumer: str, token: str, record: Record) -> bool:
    if history.covered.get((consumer, token), 0) >= record.sequence:
        return True
    if (consumer, token) in history.absorbed:
        return True
    return any(
        event_id == record.event_id and group.startswith(consumer)
        for group, event_id in history.set_aside
    )
