"""A service whose tables are new while its log is not has lost them; it must not start on nothing.

It would go on reading where its groups stood, deny all it once told, and give sequences a second
time.
"""

from collections.abc import Collection

from sqlalchemy import text

from common.errors import Conflict
from common.events.topics import CATALOG, TOPICS
from common.relay.kafka_places import written
from reprise_cli.schemas import open_schema
from reprise_cli.settings import SetupSettings

# facts for ever, of one service alone
_LOGS = {
    next(iter(topic.producers)): topic
    for topic in TOPICS
    if topic.policy == "delete" and topic.retention is None and len(topic.producers) == 1
}
_NEVER_TOLD = text("SELECT NOT EXISTS (SELECT FROM outbox_head)")
_BACKUP = "bring its database back from a backup; `--accept-empty {service}` begins with nothing"
_MENDING = {CATALOG: "keep it stopped and run `reprise recover catalog --yes`"}


async def refuse_lost_tables(settings: SetupSettings, services: Collection[str]) -> None:
    """Raise Conflict (`tables_lost`) that names each service with what brings its tables back."""
    asked = [_LOGS[service] for service in services if service in _LOGS]
    told = await written(settings.kafka, asked)
    lost = [
        service
        for service in services
        if service in _LOGS and _LOGS[service].name in told and await _never_told(settings, service)
    ]
    if lost:
        raise Conflict("; ".join(map(_sentence, lost)), code="tables_lost")


def _sentence(service: str) -> str:
    mending = _MENDING.get(service, _BACKUP).format(service=service)
    return f"the {service}'s tables are new and {_LOGS[service].name} is not: {mending}"


async def _never_told(settings: SetupSettings, service: str) -> bool:
    async with open_schema(settings.postgres, service) as database, database.read() as session:
        return bool(await session.scalar(_NEVER_TOLD))
