"""Who writes and who reads what, for the references."""

from collections.abc import Iterator

from common.events.codec import EVENT_TYPES
from common.events.model import Event
from common.events.reference.schemas import producers_of
from common.events.topics import CONSUMERS, SERVICES, STATE_READERS, TOPICS, Topic

ABOUT = {
    "media.uploads.v1": "What became of an upload.",
    "media.assets.v1": "The life of an asset, as the catalog decides it.",
    "media.renditions.v1": "What the transcoder found in an original and made of it.",
    "media.purges.v1": "What was deleted from the store, with proof.",
    "media.catalog-state.v1": "What is now: one record per entity of the catalog.",
    "media.details.v1": "The road of names to the catalog, apart because names must be forgotten.",
    "media.accesses.v1": "What delivery handed out and to whom, for 30 days.",
    "media.watermarks.v1": "How far each service has told all it knows.",
}


def title(topic: Topic) -> str:
    """The short name of a topic: `media.catalog-state.v1` is `catalog-state`."""
    return topic.name.removeprefix("media.").removesuffix(".v1")


def types_of(topic: Topic) -> list[type[Event]]:
    """Its types, in the order in which they are written down."""
    return [model for model in EVENT_TYPES.values() if topic == model.TOPIC]


def sends() -> Iterator[tuple[str, Topic, list[type[Event]]]]:
    """(service, topic, types that it writes there)."""
    for service in SERVICES:
        for topic in TOPICS:
            types = [model for model in types_of(topic) if service in producers_of(model)]
            if types:
                yield service, topic, types


def receives() -> Iterator[tuple[str, Topic, str | None]]:
    """(service, topic, consumer group); None: it keeps the offset beside what it built."""
    for group, topic in CONSUMERS.items():
        yield group.split(".", 1)[0], topic, group
    for service, topics in STATE_READERS.items():
        for topic in topics:
            yield service, topic, None
