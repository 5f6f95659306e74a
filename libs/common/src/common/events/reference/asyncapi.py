"""The event contract as an AsyncAPI 3.0 document, made of the models and the topics."""

import json
import re
from collections.abc import Mapping
from typing import Any

from pydantic.fields import FieldInfo

from common.events.codec import EVENT_TYPES
from common.events.envelope import CONTENT_TYPE
from common.events.model import Event, StateRecord
from common.events.reference.people import ABOUT, receives, sends, title, types_of
from common.events.reference.schemas import producers_of, schema_of
from common.events.reference.wire import DEAD_LETTER, ENVELOPE, TOMBSTONE
from common.events.topics import CONSUMERS, SERVICES, TOPICS, Topic, dead_letter_topic

Document = dict[str, Any]

BINDING = "0.5.0"
_UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_INFO = {
    "title": "Reprise events",
    "version": "1.0.0",
    "description": "CloudEvents 1.0 over Kafka, binary mode. Only ever added to: a change that is "
    "not an addition is a new type. Readers ignore fields they do not know.",
    "license": {"name": "Apache-2.0"},
}
_SERVER = {
    "host": "{bootstrap}",
    "protocol": "kafka",
    "description": "The installation's Kafka: read committed, never auto-create topics.",
    "variables": {"bootstrap": {"description": "host:port of any broker"}},
}


def asyncapi(goldens: Mapping[str, Document]) -> Document:
    """The whole document; `goldens` are records by type, shown as examples."""
    return {
        "asyncapi": "3.0.0",
        "info": _INFO,
        "defaultContentType": CONTENT_TYPE,
        "servers": {"kafka": _SERVER},
        "channels": {title(topic): _channel(topic) for topic in TOPICS} | _dead_letters(),
        "operations": _operations(),
        "components": {
            "messages": {
                name: _message(model, goldens.get(name)) for name, model in EVENT_TYPES.items()
            }
            | {"dead-letter": DEAD_LETTER},
            "schemas": {"Envelope": ENVELOPE} | _schemas(),
        },
    }


def _channel(topic: Topic) -> Document:
    return {
        "address": topic.name,
        "description": ABOUT[topic.name],
        "messages": {m.TYPE: _ref("components", "messages", m.TYPE) for m in types_of(topic)},
        "bindings": {"kafka": _binding(topic)},
    }


def _binding(topic: Topic) -> Document:
    config: Document = {
        name: int(value) if value.lstrip("-").isdigit() else value
        for name, value in topic.config().items()
    }
    config["cleanup.policy"] = [topic.policy]
    return {
        "partitions": topic.partitions,
        "topicConfiguration": config,
        "bindingVersion": BINDING,
    }


def _message(model: type[Event], golden: Document | None) -> Document:
    summary = (model.__doc__ or "").strip().split("\n")[0]
    payload = _ref("components", "schemas", model.__name__)
    message: Document = {
        "name": model.TYPE,
        "title": model.__name__,
        "summary": summary,
        "contentType": CONTENT_TYPE,
        "headers": _headers(model),
        "payload": {"oneOf": [payload, TOMBSTONE]} if issubclass(model, StateRecord) else payload,
        "correlationId": {"location": "$message.header#/ce_correlationid"},
        "bindings": {"kafka": {"key": _key(model), "bindingVersion": BINDING}},
    }
    if golden:
        message["examples"] = [{"headers": golden["headers"], "payload": golden["value"]}]
    return message


def _headers(model: type[Event]) -> Document:
    own = {
        "ce_type": {"const": model.TYPE},
        "ce_source": {"enum": sorted(producers_of(model))},
    }
    return {"allOf": [_ref("components", "schemas", "Envelope"), {"properties": own}]}


def _key(model: type[Event]) -> Document:
    """A schema of the record's key: its template with a pattern for each field."""
    parts = re.split(r"\{(\w+)\}", model.KEY)
    pattern = "".join(
        _field_pattern(name, model.model_fields[name]) if number % 2 else re.escape(name)
        for number, name in enumerate(parts)
    )
    return {
        "type": "string",
        "pattern": f"^{pattern}$".replace("\\-", "-"),
        "description": model.KEY,
    }


def _field_pattern(name: str, field: FieldInfo) -> str:
    if name == "service":
        return f"({'|'.join(SERVICES)})"
    if name == "facet":
        return f"(public|{_UUID})"
    return _UUID


def _operations() -> Document:
    found: Document = {}
    for service, topic, types in sends():
        found[f"{service}.sends.{title(topic)}"] = {
            "action": "send",
            "channel": _ref("channels", title(topic)),
            "summary": f"{service} writes {topic.name} through its outbox.",
            "messages": [_ref("channels", title(topic), "messages", m.TYPE) for m in types],
        }
    for service, topic, group in receives():
        operation: Document = {
            "action": "receive",
            "channel": _ref("channels", title(topic)),
            "summary": f"{service} reads {topic.name}.",
            "messages": [
                _ref("channels", title(topic), "messages", m.TYPE) for m in types_of(topic)
            ],
        }
        if group:
            member = {"groupId": {"type": "string", "enum": [group]}, "bindingVersion": BINDING}
            operation["bindings"] = {"kafka": member}
        else:
            operation["description"] = "Without a group: the offset lies beside what was built."
        found[group or f"{service}.reads.{title(topic)}"] = operation
    return found | _giving_up()


def _giving_up() -> Document:
    services = sorted({group.split(".", 1)[0] for group in _LETTER_GROUPS})
    return {
        f"{service}.gives-up": {
            "action": "send",
            "channel": _ref("channels", "dead-letters"),
            "summary": f"{service} puts aside what no later try could make right.",
            "messages": [_ref("channels", "dead-letters", "messages", "dead-letter")],
        }
        for service in services
    }


def _dead_letters() -> Document:
    group, topic = next(iter(_LETTER_GROUPS.items()))
    return {
        "dead-letters": {
            "address": "{topic}.{group}.dlq",
            "description": "What a consumer group gave up on; never state, which holds names.",
            "parameters": {
                "topic": {"enum": sorted({topic.name for topic in _LETTER_GROUPS.values()})},
                "group": {"enum": list(_LETTER_GROUPS)},
            },
            "messages": {"dead-letter": _ref("components", "messages", "dead-letter")},
            "bindings": {"kafka": _binding(dead_letter_topic(topic, group))},
        }
    }


def _schemas() -> Document:
    """Every model and every part by its name; parts of one name are one part."""
    found: Document = {}
    for model in EVENT_TYPES.values():
        schema = schema_of(model)
        parts = schema.pop("$defs", {})
        del schema["$id"]
        for name, part in {model.__name__: schema, **parts}.items():
            text = json.dumps(part).replace('"#/$defs/', '"#/components/schemas/')
            known = found.setdefault(name, json.loads(text))
            if known != json.loads(text):
                raise RuntimeError(f"two different parts are called {name}")
    return found


def _ref(*path: str) -> Document:
    escaped = [part.replace("~", "~0").replace("/", "~1") for part in path]
    return {"$ref": "#/" + "/".join(escaped)}


_LETTER_GROUPS = {g: topic for g, topic in CONSUMERS.items() if topic.policy == "delete"}
