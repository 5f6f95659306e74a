"""The demo's story on small files; with the same bytes again it is a story of duplicates."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from devstack.demo.main_job import run_demo
from devstack.media import make_flac, make_jpeg, make_mp4
from devstack.stack import Stack

pytestmark = pytest.mark.e2e


@pytest.mark.req("REL-17")
def test_the_main_job_runs_twice_with_the_same_files(stack: Stack, tmp_path: Path) -> None:
    files = [
        make_flac(tmp_path / "set.flac", seconds=2),
        make_jpeg(tmp_path / "photo.jpg", width=600, height=400),
        make_mp4(tmp_path / "clip.mp4", seconds=1, width=320, height=240),
    ]
    first, second = _told(stack, files, tmp_path), _told(stack, files, tmp_path)
    for story in (first, second):
        assert story.count("equal to the source file") == 9
        assert story.count("/m/u/") == 3
    assert "had these bytes already" not in first
    assert second.count("had these bytes already") == 3


def _told(stack: Stack, files: list[Path], home: Path) -> str:
    console = Console(file=io.StringIO(), width=200)
    run_demo(stack.env, files, home, console)
    file = console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()
