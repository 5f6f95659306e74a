"""Whatever is said to the catalog may be said any number of times: the database keeps one effect.

Facts come again at any later moment, as a consumer group that was reset reads them; a command comes
again at once, as a client does who got no answer.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from datetime import timedelta
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    multiple,
    rule,
    run_state_machine_as_test,
)
from services.catalog.tests.integration.real_catalog import RealCatalog
from services.catalog.tests.life import BEGINNINGS, ENDINGS, Tell
from services.catalog.tests.story import Story, some_sha256

from catalog.adapters.tables import METADATA
from catalog.usecases.delete_asset import DeleteAsset
from catalog.usecases.end_grace import EndGrace
from catalog.usecases.restore_asset import RestoreAsset
from common.clock import SystemClock
from common.errors import NotYet, RepriseError
from common.events import Received
from common.testing.postgres import scratch
from devstack.stack import Stack

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]


Run = Callable[[Coroutine[Any, Any, Any]], Any]

TIMES = st.integers(1, 3)


class Lane:
    """One upload, and what its services have still to tell."""

    def __init__(self, sha256: str, tells: list[Tell]) -> None:
        self.story, self.tells = Story(sha256=sha256, clock=SystemClock()), tells


class Catalog(RuleBasedStateMachine):
    """Uploads of two files, told and commanded; everything is said again."""

    lanes = Bundle("lanes")
    heard = Bundle("heard")

    def __init__(self, catalog: RealCatalog, run: Run) -> None:
        super().__init__()
        self.catalog, self.run_ = catalog, run
        self.files = [some_sha256(), some_sha256()]
        tables = ", ".join([*(table.name for table in METADATA.sorted_tables), "outbox"])
        run(catalog.run(f"TRUNCATE {tables}, outbox_head"))

    @rule(
        target=lanes,
        file=st.integers(0, 1),
        begins=st.sampled_from(BEGINNINGS),
        ends=st.sampled_from(ENDINGS),
    )
    def upload(self, file: int, begins: list[Tell], ends: list[Tell]) -> Lane:
        return Lane(self.files[file], [*begins, *ends])

    @rule(target=heard, lane=lanes, count=st.integers(1, 6))
    def next_facts(self, lane: Lane, count: int) -> Any:
        told = [tell(lane.story) for tell in lane.tells[:count]]
        del lane.tells[:count]
        for received in told:
            self.run_(self._hear(received))
        return multiple(*told)

    @rule(received=heard, times=TIMES)
    def fact_again(self, received: Received, times: int) -> None:
        before = self.run_(self.catalog.tables())
        for _ in range(times):
            self.run_(self._hear(received))
        assert self.run_(self.catalog.tables()) == before

    @rule(lane=lanes, times=TIMES)
    def delete(self, lane: Lane, times: int) -> None:
        # a grace of nothing: the sweep may take it at once
        self._command(
            lambda: DeleteAsset(self.catalog.transactions, timedelta())(lane.story.asset_id), times
        )

    @rule(lane=lanes, times=TIMES)
    def restore(self, lane: Lane, times: int) -> None:
        self._command(lambda: RestoreAsset(self.catalog.transactions)(lane.story.asset_id), times)

    @rule(times=TIMES)
    def sweep(self, times: int) -> None:
        self._command(self._end_graces, times)

    @rule(target=heard, lane=lanes)
    def janitor(self, lane: Lane) -> Any:
        view = self.run_(self.catalog.reader.find(lane.story.asset_id))
        if view is None or view.asset.state.value != "purging":
            return multiple()
        facts = [lane.story.object_purged(), lane.story.purged()]
        for received in facts:
            self.run_(self._hear(received))
        return multiple(*facts)

    def _command(self, command: Callable[[], Awaitable[object]], times: int) -> None:
        self.run_(self._tried(command))
        before = self.run_(self.catalog.tables())
        for _ in range(times):
            self.run_(self._tried(command))
        assert self.run_(self.catalog.tables()) == before

    async def _tried(self, command: Callable[[], Awaitable[object]]) -> None:
        try:
            await command()
        except RepriseError:
            return  # refused: by the same rules each time

    async def _end_graces(self) -> None:
        while await EndGrace(self.catalog.transactions)():
            pass

    async def _hear(self, received: Received) -> None:
        try:
            await self.catalog.ways_in.hear(received)
        except NotYet:
            return  # it is parked; coming again it is parked once


@pytest.mark.req("CAT-08")
def test_any_fact_and_any_command_any_number_of_times(infra: Stack) -> None:
    with asyncio.Runner() as runner:
        opened = scratch(infra.env["REPRISE_POSTGRES_ADMIN_URL"], "catalog")
        catalog = RealCatalog(runner.run(opened.__aenter__()))
        try:
            # its stubs know the class only; it may be anything that makes a machine
            run_state_machine_as_test(
                cast("type[Catalog]", lambda: Catalog(catalog, runner.run)),
                settings=settings(
                    max_examples=10,
                    stateful_step_count=25,
                    deadline=None,
                    suppress_health_check=list(HealthCheck),
                ),
            )
        finally:
            runner.run(opened.__aexit__(None, None, None))
