"""Plays records and commands through the very use cases that serve, on one asset in memory."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta

from catalog.consumers.handlers import build_handlers
from catalog.domain.asset import Asset
from catalog.domain.processing import request_run
from catalog.ports import CatalogTransaction
from catalog.recovery.adapters.one_asset import OneAsset
from catalog.recovery.domain.history import Played
from catalog.usecases.delete_asset import DeleteAsset
from catalog.usecases.end_grace import EndGrace
from catalog.usecases.restore_asset import RestoreAsset
from common.clock import Clock
from common.errors import RepriseError
from common.events import (
    AssetDeleted,
    AssetPurgeDue,
    AssetRestored,
    ProcessingRequested,
    Received,
    UploadDeduplicated,
)
from common.events.topics import ASSETS, CONSUMERS
from common.ids import AssetId
from common.telemetry.metrics import Metrics


class LivePlayer:
    """Plays one thing at a time.

    `grace` is the setting: a delete told with its end happened that long before it.
    """

    def __init__(self, clock: Clock, grace: timedelta) -> None:
        self._clock, self._grace = clock, grace
        self._stage = _Stage()
        handlers = build_handlers(self._stage, grace, Metrics("recovery"))
        self._handlers = {CONSUMERS[group].name: handle for group, handle in handlers.items()}

    async def hear(
        self, asset: Asset | None, received: Received, told: Received | None
    ) -> Played | None:
        if received.event is None:
            return None
        handle = self._handlers[received.event.TOPIC.name]
        self._stage.one = one = self._one(asset, told, received.envelope.time)
        return await _played(asset, one, lambda: handle(received))

    async def obey(self, asset: Asset, told: Received) -> Played | None:
        one = self._one(asset, told, told.envelope.time)
        command = _command(one, asset, told, self._grace)
        return None if command is None else await _played(asset, one, command)

    def _one(self, asset: Asset | None, told: Received | None, at: datetime) -> OneAsset:
        event = told.event if told else None
        if isinstance(event, AssetDeleted):
            at = event.restorable_until - self._grace
        winner = event.duplicate_of if isinstance(event, UploadDeduplicated) else None
        return OneAsset(asset, self._clock, at, AssetId(winner) if winner else None)


class _Stage:
    """Transactions of whoever is played: use cases are built once, for all assets."""

    one: OneAsset

    def open(self) -> AbstractAsyncContextManager[CatalogTransaction]:
        return self.one.open()


def _command(
    one: OneAsset, asset: Asset, told: Received, grace: timedelta
) -> Callable[[], Awaitable[object]] | None:
    match told.event:
        case AssetDeleted():
            return lambda: DeleteAsset(one, grace)(asset.asset_id)
        case AssetRestored():
            return lambda: RestoreAsset(one)(asset.asset_id)
        case AssetPurgeDue():
            return EndGrace(one).__call__
        case ProcessingRequested():
            # the same bytes came once more, and this asset had failed
            return lambda: one.save(request_run(asset), None)
        case _:
            return None


async def _played(
    before: Asset | None, one: OneAsset, act: Callable[[], Awaitable[object]]
) -> Played | None:
    try:
        await act()
    except RepriseError:
        return None  # it stays in the log and goes the way of all that cannot be applied
    if one.asset is None:
        return None
    facts = tuple(item for item in one.messages if item.topic == ASSETS.name)
    version = before.version if before else 0
    return Played(asset=one.asset, facts=facts, seen=one.asset.version > version)
