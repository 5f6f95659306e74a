"""Every topic: who produces it, how it is keyed, kept and partitioned (design §3, frozen)."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

DAY = timedelta(days=1)
# a dead letter is the record that the broker took, however large, and why it was given up
DEAD_LETTER_BYTES = 2 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic.

    Several `producers` write disjoint keys; retention None keeps for ever; `max_bytes` is the
    largest batch it takes, None the broker's own limit.
    """

    name: str
    producers: frozenset[str]
    key: str
    policy: Literal["delete", "compact"]
    partitions: int
    retention: timedelta | None = None
    max_bytes: int | None = None

    def config(self) -> dict[str, str]:
        """Broker settings of the topic, as strings Kafka understands."""
        if self.policy == "compact":
            return {
                "cleanup.policy": "compact",
                "min.compaction.lag.ms": _ms(DAY),
                "max.compaction.lag.ms": _ms(7 * DAY),
                "segment.ms": _ms(DAY),
                "delete.retention.ms": _ms(30 * DAY),
            }
        kept = _ms(self.retention) if self.retention else "-1"
        config = {"cleanup.policy": "delete", "retention.ms": kept, "retention.bytes": "-1"}
        return config | ({"max.message.bytes": str(self.max_bytes)} if self.max_bytes else {})


def _ms(span: timedelta) -> str:
    return str(int(span.total_seconds() * 1000))


def _facts(name: str, producer: str) -> Topic:
    return Topic(name, frozenset({producer}), "asset_id", "delete", partitions=12)


UPLOAD_GATEWAY, CATALOG, TRANSCODER = "upload-gateway", "catalog", "transcoder"
DELIVERY, JANITOR = "delivery", "janitor"
SERVICES = (UPLOAD_GATEWAY, CATALOG, TRANSCODER, DELIVERY, JANITOR)

UPLOADS = _facts("media.uploads.v1", UPLOAD_GATEWAY)
ASSETS = _facts("media.assets.v1", CATALOG)
RENDITIONS = _facts("media.renditions.v1", TRANSCODER)
PURGES = _facts("media.purges.v1", JANITOR)
# one partition: a removal is never overtaken by a later publication
CATALOG_STATE = Topic(
    "media.catalog-state.v1", frozenset({CATALOG}), "<entity>/<id>", "compact", partitions=1
)
DETAILS = Topic(
    "media.details.v1",
    frozenset({UPLOAD_GATEWAY, TRANSCODER}),
    "<service>/<asset_id>",
    "compact",
    partitions=12,
)
ACCESSES = Topic(
    "media.accesses.v1",
    frozenset({DELIVERY}),
    "asset_id",
    "delete",
    partitions=12,
    retention=30 * DAY,
)
WATERMARKS = Topic("media.watermarks.v1", frozenset(SERVICES), "service", "compact", partitions=1)

TOPICS = (UPLOADS, ASSETS, RENDITIONS, PURGES, CATALOG_STATE, DETAILS, ACCESSES, WATERMARKS)

# who reads what, as group -> topic; a group is `<service>.<topic's short name>`
CONSUMERS: dict[str, Topic] = {
    "upload-gateway.assets": ASSETS,
    "upload-gateway.renditions": RENDITIONS,
    "upload-gateway.purges": PURGES,
    "catalog.uploads": UPLOADS,
    "catalog.renditions": RENDITIONS,
    "catalog.purges": PURGES,
    "catalog.details": DETAILS,
    "transcoder.assets": ASSETS,
    "transcoder.purges": PURGES,
    "janitor.uploads": UPLOADS,
    "janitor.assets": ASSETS,
    "janitor.renditions": RENDITIONS,
}

# who reads state from an offset of its own, kept beside what it built from it
STATE_READERS: dict[str, tuple[Topic, ...]] = {DELIVERY: (CATALOG_STATE, WATERMARKS)}


def dead_letter_topic(topic: Topic, group: str) -> Topic:
    """`<topic>.<group>.dlq`: original bytes, headers and why; kept 90 days."""
    owner = group.split(".", 1)[0]
    return Topic(
        f"{topic.name}.{group}.dlq",
        frozenset({owner}),
        "original",
        "delete",
        partitions=1,
        retention=90 * DAY,
        max_bytes=DEAD_LETTER_BYTES,
    )


def dead_letter_topics() -> tuple[Topic, ...]:
    """One for each consumer of facts; state and details carry names and never go there."""
    return tuple(
        dead_letter_topic(topic, group)
        for group, topic in CONSUMERS.items()
        if topic.policy == "delete"
    )
