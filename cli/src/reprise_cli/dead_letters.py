"""What lies among the dead letters, one entry for each record however many copies there are."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from common.errors import Conflict, NotFound
from common.events.topics import Topic
from common.postgres.dead_letters import Decision, decisions
from common.subscriber.dead_letter import DeadLetter
from common.subscriber.dead_letter_log import DeadLetterLog
from reprise_cli.schemas import open_schema, service_of
from reprise_cli.settings import ServiceDatabases

SHORT = 12  # digits of an id that are shown; any longer piece of it is understood too
_SHORTEST = 6


@dataclass(frozen=True, slots=True)
class Entry:
    """One record that a group gave up, without its content: that may be large.

    `place` is the offset of its newest copy, `kept_at` Kafka's time of that.
    """

    digest: str
    group: str
    topic: str
    partition: int
    offset: int
    type: str | None
    key: str
    event_id: UUID | None
    reason: str
    detail: str
    at: datetime
    attempts: int
    copies: int
    place: int
    kept_at: datetime
    decision: Decision | None

    @property
    def id(self) -> str:
        """What operators name it by."""
        return self.digest[:SHORT]

    @property
    def undecided(self) -> bool:
        """Nobody decided, or it came back after the decision."""
        return self.decision is None or self.decision.kept_at < self.kept_at

    @property
    def state(self) -> str:
        """What became of it, in a word."""
        if self.decision is None:
            return "undecided"
        return "came back" if self.undecided else self.decision.decision


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries: of these reasons, given up since then, decided ones too or not."""

    reasons: Collection[str] = ()
    since: datetime | None = None
    decided: bool = False

    def __contains__(self, entry: object) -> bool:
        if not isinstance(entry, Entry):
            return False
        return (
            (self.decided or entry.undecided)
            and (not self.reasons or entry.reason in self.reasons)
            and (self.since is None or entry.at >= self.since)
        )


async def entries(
    log: DeadLetterLog, databases: ServiceDatabases, groups: Mapping[str, Topic]
) -> list[Entry]:
    """All of these groups, the oldest first; decisions come from each service's schema."""
    found: list[Entry] = []
    decided = await _decided(databases, groups)
    for group, topic in groups.items():
        found += await _of_group(log, group, topic, decided[group])
    return sorted(found, key=lambda entry: entry.at)


async def _decided(
    databases: ServiceDatabases, groups: Collection[str]
) -> dict[str, dict[str, Decision]]:
    found: dict[str, dict[str, Decision]] = {}
    for service in sorted(set(map(service_of, groups))):
        async with open_schema(databases, service) as database, database.read() as session:
            for group in (one for one in groups if service_of(one) == service):
                found[group] = await decisions(session, group)
    return found


async def _of_group(
    log: DeadLetterLog, group: str, topic: Topic, decided: Mapping[str, Decision]
) -> list[Entry]:
    newest: dict[str, Entry] = {}
    async for letter in log.walk(group, topic):
        digest = letter.digest
        copies = newest[digest].copies + 1 if digest in newest else 1
        newest[digest] = _entry(letter, digest, copies, decided.get(digest))
    return list(newest.values())


def named(found: Collection[Entry], ids: Collection[str]) -> list[Entry]:
    """The entries of these ids, in that order; NotFound or Conflict names the one that is wrong."""
    return [_named(found, text.strip().lower()) for text in dict.fromkeys(ids)]


def _named(found: Collection[Entry], text: str) -> Entry:
    matches = [entry for entry in found if entry.digest.startswith(text)]
    if len(text) < _SHORTEST or not matches:
        raise NotFound(f"no dead letter has the id {text}", code="no_dead_letter")
    if len(matches) > 1:
        longer = ", ".join(entry.digest[: SHORT + 8] for entry in matches)
        raise Conflict(f"{text} may be {longer}", code="ambiguous_id")
    return matches[0]


def _entry(letter: DeadLetter, digest: str, copies: int, decision: Decision | None) -> Entry:
    record, why, envelope = letter.record, letter.why, letter.envelope
    return Entry(
        digest,
        why.group,
        record.topic,
        record.partition,
        record.offset,
        envelope.type if envelope else None,
        (record.key or b"").decode("utf-8", "replace"),
        envelope.id if envelope else None,
        why.reason,
        why.detail,
        why.at,
        why.attempts,
        copies,
        letter.offset,
        letter.kept_at,
        decision,
    )
