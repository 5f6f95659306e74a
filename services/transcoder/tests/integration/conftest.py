"""A transcoder on real servers, and its sandbox: a machine without bubblewrap fails these tests."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from services.transcoder.tests import media
from services.transcoder.tests.integration.real_world import RealWorld, open_world
from services.transcoder.tests.integration.walls import Workbench

from common import failpoints
from devstack.stack import Stack
from transcoder.adapters.bwrap_sandbox import BwrapSandbox
from transcoder.adapters.sandbox_levels import open_sandbox


@pytest.fixture
async def world(infra: Stack, tmp_path: Path) -> AsyncIterator[RealWorld]:
    async with open_world(infra.env, tmp_path) as made:
        yield made
    failpoints.clear()


@pytest.fixture
def flac(tmp_path: Path) -> Path:
    return media.sound(tmp_path / "s.flac", seconds=4)


@pytest.fixture
async def bench(tmp_path: Path) -> Workbench:
    sandbox, _ = await open_sandbox("bwrap", "ffmpeg")
    assert isinstance(sandbox, BwrapSandbox)
    return Workbench(tmp_path, sandbox)
