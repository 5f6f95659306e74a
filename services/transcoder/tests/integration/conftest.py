"""The sandbox is a part of the system: a machine without bubblewrap fails these tests."""

from pathlib import Path

import pytest
from services.transcoder.tests.integration.walls import Workbench

from transcoder.adapters.bwrap_sandbox import BwrapSandbox
from transcoder.adapters.sandbox_levels import open_sandbox


@pytest.fixture
async def bench(tmp_path: Path) -> Workbench:
    sandbox, _ = await open_sandbox("bwrap", "ffmpeg")
    assert isinstance(sandbox, BwrapSandbox)
    return Workbench(tmp_path, sandbox)
