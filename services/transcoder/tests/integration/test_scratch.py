import asyncio
from contextlib import suppress
from pathlib import Path

import pytest

from common.errors import Unavailable
from transcoder.adapters.scratch import open_scratch
from transcoder.domain.errors import MediaTooLarge

pytestmark = pytest.mark.integration

MIB = 1024 * 1024


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def test_an_attempts_directory_is_gone_however_it_ends(tmp_path: Path) -> None:
    with open_scratch(tmp_path, limit=MIB) as scratch:
        with suppress(asyncio.CancelledError):
            async with scratch.directory(10) as place:
                place.source.write_bytes(b"x")
                (place.output / "half").write_bytes(b"x")
                raise asyncio.CancelledError
        assert names(scratch.root) == [".lock"]
    assert names(tmp_path) == [".lock"]


async def test_space_is_bounded_and_given_back(tmp_path: Path) -> None:
    with open_scratch(tmp_path, limit=MIB) as scratch:
        async with scratch.directory(MIB - 1):
            with pytest.raises(Unavailable) as caught:
                async with scratch.directory(2):
                    pass
            assert caught.value.code == "scratch_full"
        async with scratch.directory(MIB):
            pass


async def test_what_can_never_fit_is_too_large(tmp_path: Path) -> None:
    with open_scratch(tmp_path, limit=MIB) as scratch, pytest.raises(MediaTooLarge):
        async with scratch.directory(MIB + 1):
            pass


def test_a_start_removes_what_the_dead_left_and_nothing_of_the_living(tmp_path: Path) -> None:
    dead = tmp_path / "worker-dead" / "job-1" / "in"
    dead.mkdir(parents=True)
    (tmp_path / "worker-dead" / ".lock").touch()
    with open_scratch(tmp_path, limit=MIB) as living, open_scratch(tmp_path, limit=MIB) as second:
        assert not dead.exists()
        assert living.root.exists()
        assert second.root != living.root
