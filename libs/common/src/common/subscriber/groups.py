"""Who reads as a group now, as its coordinator knows it."""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment
from aiokafka.errors import KafkaError, for_code

from common.errors import Unavailable

TIMEOUT = 15.0  # seconds


@dataclass(frozen=True, slots=True)
class Member:
    """One process that reads, and what it was given, as `topic:partition`."""

    client: str
    host: str
    partitions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GroupState:
    """`phase` is Kafka's word in lower case, as stable, preparingrebalance, empty or dead."""

    group: str
    phase: str
    members: tuple[Member, ...]


async def describe_groups(
    admin: AIOKafkaAdminClient, groups: Collection[str]
) -> dict[str, GroupState]:
    """The state of each; a group that never was is `dead` without members. Raises Unavailable."""
    try:
        async with asyncio.timeout(TIMEOUT):
            # one by one: aiokafka 0.14 cannot read an answer about several groups
            responses: list[Any] = [
                response
                for group in groups
                for response in await admin.describe_consumer_groups([group])
            ]
    except (KafkaError, OSError, TimeoutError) as error:
        raise Unavailable("Kafka does not answer", code="kafka_unavailable") from error
    return {
        state.group: state
        for response in responses
        for state in [_state(*found[:6]) for found in response.groups]
    }


def _state(code: int, group: str, phase: str, _kind: str, _way: str, members: Any) -> GroupState:
    if code:
        raise Unavailable(f"{group}: {for_code(code).__name__}", code="kafka_unavailable")
    return GroupState(group, phase.lower(), tuple(_member(*found) for found in members))


def _member(_id: str, client: str, host: str, _metadata: bytes, assignment: bytes) -> Member:
    # empty while the group shares out its partitions
    given = ConsumerProtocolMemberAssignment.decode(assignment) if assignment else None
    partitions = given.partitions() if given else []
    return Member(
        client, host.lstrip("/"), tuple(f"{at.topic}:{at.partition}" for at in sorted(partitions))
    )
