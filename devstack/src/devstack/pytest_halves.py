"""Two processes share a run: one tests the system as a whole, the other its parts.

The halves take about the same time, for which one part of the system stands with the whole. Each
keeps its order. Sharing out file by file would be a little faster, but what a test finds
in the stack that it shares with others would change from run to run.
"""

from typing import Any

import pytest
from typing_extensions import override
from xdist.scheduler import LoadScopeScheduling

_WHOLE = ("cli/", "devstack/", "services/transcoder/", "tests/")


class _Halves(LoadScopeScheduling):
    @override
    def _split_scope(self, nodeid: str) -> str:
        return "whole" if nodeid.startswith(_WHOLE) else "parts"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling | None:
    """Only where `--dist loadscope` asks for it."""
    return _Halves(config, log) if config.getvalue("dist") == "loadscope" else None
