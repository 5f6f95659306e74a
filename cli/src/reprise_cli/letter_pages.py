"""How dead letters look: a table of many, a page of one."""

import json
from collections.abc import Sequence
from datetime import datetime

from common.subscriber.dead_letter import DeadLetter
from common.telemetry.scrub import scrub, scrub_value
from reprise_cli.dead_letters import Entry
from reprise_cli.editing import readable, readable_headers
from reprise_cli.output import print_json, print_line, print_table
from reprise_cli.spans import say_span


def summary(found: Sequence[Entry], now: datetime) -> list[dict[str, object]]:
    """For each group: how many, how many of them undecided, the age of the oldest undecided."""
    groups = sorted({entry.group for entry in found})
    return [_summary(group, [one for one in found if one.group == group], now) for group in groups]


def _summary(group: str, found: Sequence[Entry], now: datetime) -> dict[str, object]:
    ages = [(now - entry.at).total_seconds() for entry in found if entry.undecided]
    oldest = max(ages, default=None)
    return {
        "group": group,
        "entries": len(found),
        "undecided": len(ages),
        "oldest_seconds": None if oldest is None else round(oldest),
    }


def print_entries(found: Sequence[Entry], now: datetime, *, limit: int) -> None:
    """Counts by group, then the newest entries, the newest last."""
    _print_summary(found, now)
    shown = found[-limit:]
    print_table(
        ["id", "group, reason", "event", "age"],
        [_row(entry, now) for entry in shown],
        separated=True,
    )
    if len(shown) < len(found):
        print_line(f"{len(found) - len(shown)} older ones are not shown: --limit, or --group.")
    print_line("One in full: reprise dlq show ID")


def _print_summary(found: Sequence[Entry], now: datetime) -> None:
    rows = []
    for group in sorted({entry.group for entry in found}):
        ours = [entry for entry in found if entry.group == group]
        undecided = [entry for entry in ours if entry.undecided]
        oldest = say_span(now - min(one.at for one in undecided)) if undecided else "-"
        rows.append((group, str(len(ours)), str(len(undecided)), oldest))
    print_table(["group", "records", "undecided", "oldest"], rows)


def _row(entry: Entry, now: datetime) -> tuple[str, ...]:
    place = f"{entry.topic} {entry.partition}:{entry.offset}"
    event = [entry.type or "no event of ours", scrub(entry.key), place]
    age = [say_span(now - entry.at), "" if entry.state == "undecided" else entry.state]
    if entry.copies > 1:
        age.append(f"{entry.copies} copies")
    return (
        entry.id,
        f"{entry.group}\n{entry.reason}",
        "\n".join(event),
        "\n".join(filter(None, age)),
    )


def print_letter(entry: Entry, letter: DeadLetter, *, as_json: bool) -> None:
    """One record with everything that is known of it; what looks like a token is taken out."""
    record, why = letter.record, letter.why
    content = {
        "headers": scrub_value(readable_headers(record.headers)),
        "value": scrub_value(readable(record.value)),
    }
    told = {
        "id": entry.digest,
        "group": entry.group,
        "state": entry.state,
        "redrives": entry.decision.redrives if entry.decision else 0,
        "copies": entry.copies,
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "key": scrub(entry.key),
        "reason": why.reason,
        "detail": scrub(why.detail),
        "error": why.error,
        "cause": why.cause,
        "attempts": why.attempts,
        "given_up": why.at.isoformat(timespec="seconds"),
    }
    if as_json:
        print_json({**told, **content, "traceback": scrub(why.traceback).splitlines()})
        return
    for name, value in told.items():
        if value not in ("", None):
            print_line(f"{name + ':':<11}{value}")
    for name, value in content.items():
        print_line(f"{name}:\n{json.dumps(value, indent=2, ensure_ascii=False)}")
    if why.traceback:
        print_line(f"traceback:\n{scrub(why.traceback)}")
