"""Gathers a history: every outbox and every consumer's tables first, the topics after them."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from common.events.topics import (
    CATALOG,
    JANITOR,
    TRANSCODER,
    UPLOAD_GATEWAY,
    WATERMARKS,
    dead_letter_topics,
)
from devstack.errors import DevstackError
from devstack.history.acks import read_acks
from devstack.history.facts import FACT_TOPICS, STATE_TOPICS
from devstack.history.model import History, Part, joined
from devstack.history.tables import catalog, delivery, janitor, transcoder, upload_gateway
from devstack.history.tables.session import Session, snapshot
from devstack.history.topics import read_topics, record_of, set_aside_of
from devstack.stack import Stack

Contribution = Callable[[Session], Awaitable[Part]]

CONTRIBUTIONS: Mapping[str, Contribution] = {
    UPLOAD_GATEWAY: upload_gateway.contribution,
    CATALOG: catalog.contribution,
    TRANSCODER: transcoder.contribution,
    JANITOR: janitor.contribution,
}


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where a history is read: the broker, each service's own schema, a delivery node's folder."""

    kafka_bootstrap: str
    postgres: Mapping[str, str]
    delivery: Path | None = None


def addresses_of(stack: Stack) -> Addresses:
    """Those of a stack, with the services' own roles."""
    operator = stack.environment("setup")
    return Addresses(
        operator["REPRISE_KAFKA_BOOTSTRAP"],
        {name: operator[f"REPRISE_POSTGRES_URL_{_upper(name)}"] for name in CONTRIBUTIONS},
        Path(stack.environment("delivery")["REPRISE_DELIVERY_DIR"]),
    )


async def collect(addresses: Addresses, acks: Path | None = None, *, quiet: bool = True) -> History:
    """Tables before topics: what a table calls published must then be in its topic."""
    parts = await asyncio.gather(
        *(_contribution(name, url) for name, url in addresses.postgres.items())
    )
    nodes = [delivery.contribution(addresses.delivery)] if addresses.delivery else []
    names = sorted((FACT_TOPICS | STATE_TOPICS) - {WATERMARKS.name})
    records = await read_topics(addresses.kafka_bootstrap, names)
    dead = await read_topics(
        addresses.kafka_bootstrap, [topic.name for topic in dead_letter_topics()]
    )
    return joined(
        (*parts, *nodes),
        acks=read_acks(acks) if acks else (),
        records=tuple(record_of(raw) for raw in records),
        set_aside=frozenset(set_aside_of(raw) for raw in dead),
        quiet=quiet,
    )


async def _contribution(service: str, url: str) -> Part:
    try:
        async with snapshot(url, service.replace("-", "_")) as session:
            return await CONTRIBUTIONS[service](session)
    except (asyncpg.PostgresError, OSError, TimeoutError) as error:
        raise DevstackError(f"the tables of {service} cannot be read: {error!r}") from error


def _upper(name: str) -> str:
    return name.replace("-", "_").upper()
