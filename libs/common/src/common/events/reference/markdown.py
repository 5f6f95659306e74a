"""docs/reference/events.md: the event contract as a page that a newcomer can read."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from common.events.model import Event
from common.events.reference.fields import Row, parts_of, rows
from common.events.reference.guide import ENVELOPE, GUIDE, INTRODUCTION, UPCASTERS
from common.events.reference.people import ABOUT, receives, sends, title, types_of
from common.events.reference.schemas import producers_of, schema_of
from common.events.topics import SERVICES, TOPICS, Topic
from common.events.upcasters import RETIRED

Document = dict[str, Any]


def markdown(goldens: Mapping[str, Document]) -> str:
    """The whole page; `goldens` are records by type, shown as examples."""
    lines = [INTRODUCTION, *_picture(), *_contents(), ENVELOPE, GUIDE, *_topics()]
    for topic in TOPICS:
        lines += _topic(topic, goldens)
    lines += [UPCASTERS, *_retired()]
    return "\n".join(lines).rstrip() + "\n"


def _picture() -> Iterator[str]:
    yield "## Who tells whom\n"
    yield "Boxes are services, rounded boxes topics; thick arrows are facts, thin ones state.\n"
    yield "```mermaid\nflowchart LR"
    for service in SERVICES:
        yield f'    {_node(service)}["{service}"]'
    for topic in TOPICS:
        yield f'    {_node(title(topic))}(["{title(topic)}"])'
    seen = set()
    for service, topic, _ in sends():
        if title(topic) != "watermarks":
            yield f"    {_node(service)} {_arrow(topic)} {_node(title(topic))}"
    for service, topic, _ in receives():
        if (service, topic.name) not in seen and title(topic) != "watermarks":
            seen.add((service, topic.name))
            yield f"    {_node(title(topic))} {_arrow(topic)} {_node(service)}"
    yield '    relays["the relay of each service"] --> watermarks --> delivery'
    yield "```\n"


def _node(name: str) -> str:
    """Mermaid takes a hyphen for the beginning of an arrow."""
    return name.replace("-", "_")


def _arrow(topic: Topic) -> str:
    return "-->" if topic.policy == "compact" else "==>"


def _contents() -> Iterator[str]:
    yield "## All types\n"
    for topic in TOPICS:
        names = ", ".join(f"[{m.__name__}](#{m.__name__.lower()})" for m in types_of(topic))
        yield f"- **[{title(topic)}](#{_anchor(topic)})**: {names}"
    yield ""


def _anchor(topic: Topic) -> str:
    return topic.name.replace(".", "")


def _topics() -> Iterator[str]:
    yield "## Topics\n"
    yield "| topic | key | kept | partitions | written by | read by |"
    yield "|---|---|---|---|---|---|"
    for topic in TOPICS:
        written = ", ".join(sorted(topic.producers))
        yield (
            f"| [{topic.name}](#{_anchor(topic)}) | `{topic.key}` | {_kept(topic)} "
            f"| {topic.partitions} | {written} | {_readers(topic)} |"
        )
    yield (
        "| `<topic>.<group>.dlq` | as it came | 90 days | 1 | the group's service | operators |\n\n"
        "`reprise topics apply` makes them, and refuses to change a number of partitions: it would "
        "move keys\nand break their order. Facts about a person are keyed by their `user_id`.\n"
    )


def _kept(topic: Topic) -> str:
    if topic.policy == "compact":
        return "the last record of each key; tombstones 30 days"
    return f"{topic.retention.days} days" if topic.retention else "for ever"


def _readers(topic: Topic) -> str:
    found = [
        f"`{group}`" if group else f"{service} (own offset)"
        for service, read, group in receives()
        if read == topic
    ]
    return ", ".join(found) or "nobody yet"


def _topic(topic: Topic, goldens: Mapping[str, Document]) -> Iterator[str]:
    yield f"## {topic.name}\n"
    yield f"{ABOUT[topic.name]}\n"
    yield "| key | kept | partitions | written by | read by |\n|---|---|---|---|---|"
    written = ", ".join(sorted(topic.producers))
    yield (
        f"| `{topic.key}` | {_kept(topic)} | {topic.partitions} | {written} | {_readers(topic)} |\n"
    )
    drawn: set[str] = set()
    for model in types_of(topic):
        yield from _type(model, goldens.get(model.TYPE), drawn)


def _type(model: type[Event], golden: Document | None, drawn: set[str]) -> Iterator[str]:
    yield f"### {model.__name__}\n"
    yield f"`{model.TYPE}` · key `{model.KEY}` · from {', '.join(sorted(producers_of(model)))}\n"
    yield f"{_prose(model.__doc__)}\n"
    schema = schema_of(model)
    yield from _table(rows(schema))
    for name, part in parts_of(schema):
        if name in drawn:
            yield f"`{name}`: as above.\n"
            continue
        drawn.add(name)
        yield f"**{name}**: {_prose(part.get('description'))}\n"
        yield from _table(rows(part))
    if golden:
        example = json.dumps({"key": golden["key"], "value": golden["value"]}, indent=2)
        yield f"<details><summary>Example</summary>\n\n```json\n{example}\n```\n\n</details>\n"


def _table(fields: list[Row]) -> Iterator[str]:
    yield "| field | type | | meaning |\n|---|---|---|---|"
    for row in fields:
        yield f"| `{row.name}` | {row.type} | {row.presence} | {row.meaning.replace('|', 'or')} |"
    yield ""


def _prose(text: str | None) -> str:
    return " ".join((text or "").split())


def _retired() -> Iterator[str]:
    if not RETIRED:
        yield "No type was retired yet."
        return
    yield "| retired type | read as |\n|---|---|"
    yield from (f"| `{name}` | `{step.becomes}` |" for name, step in RETIRED.items())
