import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from common.ids import new_event_id
from common.postgres.migrate import migrate
from common.testing.postgres import scratch_schema

pytestmark = pytest.mark.integration

ENV = """
from alembic import context
from common.postgres.migrate import run_env

run_env(context, schema="never_used")
"""
FIRST = """
from alembic import op
from common.postgres.schema import INBOX_V1

revision, down_revision = "0001", None


def upgrade() -> None:
    for statement in INBOX_V1:
        op.execute(statement)
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    name = f"service_{new_event_id().hex}"
    versions = tmp_path / name / "migrations" / "versions"
    versions.mkdir(parents=True)
    (tmp_path / name / "__init__.py").touch()
    (tmp_path / name / "migrations" / "__init__.py").touch()
    (tmp_path / name / "migrations" / "env.py").write_text(ENV)
    (versions / "0001_first.py").write_text(FIRST)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield name
    for module in [m for m in sys.modules if m.split(".")[0] == name]:
        del sys.modules[module]


async def test_migrations_run_in_the_schema_once(admin_url: str, package: str) -> None:
    async with scratch_schema(admin_url, package) as database:
        async with database.read() as session:
            assert await session.scalar(text("SELECT count(*) FROM inbox")) == 0
            assert await session.scalar(text("SELECT version_num FROM alembic_version")) == "0001"
            schema = await session.scalar(text("SELECT current_schema()"))

        await migrate(admin_url, package, schema=schema)


async def test_two_setups_at_once_wait_for_each_other(admin_url: str, package: str) -> None:
    async with scratch_schema(admin_url) as database:
        async with database.read() as session:
            schema = await session.scalar(text("SELECT current_schema()"))

        await asyncio.gather(*(migrate(admin_url, package, schema=schema) for _ in range(2)))
