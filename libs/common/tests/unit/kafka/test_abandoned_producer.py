import asyncio
from types import SimpleNamespace
from typing import cast

import pytest
from aiokafka import AIOKafkaProducer

from common.kafka.producer import abandon


class Client:
    """Its tasks ended as they do when a broker dies."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    async def close(self) -> None:
        raise self.error


def dead(error: BaseException) -> AIOKafkaProducer:
    parts = {
        "_sender": SimpleNamespace(sender_task=None),
        "_txn_manager": SimpleNamespace(wait_for_transaction_end=lambda: None),
        "client": Client(error),
    }
    return cast("AIOKafkaProducer", SimpleNamespace(**parts))


@pytest.mark.parametrize(
    "error", [RuntimeError("the handler is closed"), OSError(), asyncio.CancelledError()]
)
async def test_whatever_a_dead_client_ended_by_is_not_the_relays(error: BaseException) -> None:
    await abandon(dead(error))
