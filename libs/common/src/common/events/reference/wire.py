"""What the AsyncAPI document says of every record: its headers, tombstones, dead letters."""

from common.events.envelope import CONTENT_TYPE

TOMBSTONE = {
    "type": "null",
    "description": "a tombstone: the entity is gone, ce_sequence says when",
}
_TEXT = {"type": "string"}
ENVELOPE = {
    "type": "object",
    "description": "CloudEvents attributes. A damaged optional one counts as absent.",
    "required": ["ce_id", "ce_source", "ce_type", "ce_time", "ce_subject", "ce_sequence"],
    "properties": {
        "ce_specversion": {"const": "1.0"},
        "ce_id": {**_TEXT, "format": "uuid", "description": "the same in every copy of the event"},
        "ce_source": {**_TEXT, "description": "the service that says so"},
        "ce_type": {**_TEXT, "description": "what happened, with the version of its form"},
        "ce_time": {**_TEXT, "format": "date-time", "description": "when it became true"},
        "ce_subject": {**_TEXT, "description": "what it is about; usually the key"},
        "ce_sequence": {
            **_TEXT,
            "pattern": "^[1-9][0-9]{0,18}$",
            "description": "counts per key and topic from 1",
        },
        "ce_correlationid": {**_TEXT, "description": "the event that began the story"},
        "ce_causationid": {**_TEXT, "description": "the event that led to this one"},
        "traceparent": {**_TEXT, "description": "W3C trace context of the request behind it"},
        "content-type": {"const": CONTENT_TYPE},
    },
}
DEAD_LETTER = {
    "name": "dead-letter",
    "title": "DeadLetter",
    "summary": "A record as it came, bytes and headers, and why it was given up.",
    "headers": {
        "type": "object",
        "required": ["dlq_topic", "dlq_partition", "dlq_offset", "dlq_group", "dlq_reason"],
        "properties": {
            "dlq_topic": {**_TEXT, "description": "where it stood"},
            "dlq_partition": {**_TEXT, "description": "its partition there"},
            "dlq_offset": {**_TEXT, "description": "its offset there"},
            "dlq_timestamp": {**_TEXT, "description": "its timestamp there, milliseconds"},
            "dlq_group": {**_TEXT, "description": "the consumer group that gave up"},
            "dlq_reason": {**_TEXT, "description": "why, as a stable code"},
            "dlq_detail": {**_TEXT, "description": "why, for people"},
            "dlq_error": {**_TEXT, "description": "class of what was raised"},
            "dlq_cause": {**_TEXT, "description": "classes behind it"},
            "dlq_traceback": {**_TEXT, "description": "of what nobody foresaw, scrubbed"},
            "dlq_attempts": {**_TEXT, "description": "tries before it was given up"},
            "dlq_at": {**_TEXT, "format": "date-time", "description": "when it was given up"},
        },
    },
    "payload": {"description": "the original bytes, whatever they are"},
}
