"""The user's cache holds a thing whole or not at all."""

from pathlib import Path

import pytest

from devstack.cache import build_once
from devstack.errors import DevstackError
from devstack.kafka_jars import verify_jars


def _write(folder: Path) -> None:
    (folder / "thing").write_text("whole")


def test_a_thing_is_built_once(tmp_path: Path) -> None:
    assert build_once(tmp_path / "thing-1.0", _write)
    assert not build_once(tmp_path / "thing-1.0", _write)
    assert (tmp_path / "thing-1.0" / "thing").read_text() == "whole"


def test_a_failed_build_leaves_nothing_and_can_be_repeated(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        _write(folder)
        raise DevstackError("the line broke")

    with pytest.raises(DevstackError):
        build_once(tmp_path / "thing-1.0", fail)
    assert not (tmp_path / "thing-1.0").exists()
    assert build_once(tmp_path / "thing-1.0", _write)


@pytest.mark.parametrize("change", ["missing", "altered", "added"])
def test_a_jar_that_is_not_the_pinned_one_is_refused(tmp_path: Path, change: str) -> None:
    jars = tmp_path / "jars"
    jars.mkdir()
    (jars / "a.jar").write_text("altered" if change == "altered" else "")
    if change == "added":
        (jars / "b.jar").write_text("")
    if change == "missing":
        (jars / "a.jar").unlink()
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    (tmp_path / "digests").write_text(f"{empty}  a.jar\n")
    with pytest.raises(DevstackError, match=r"these jars differ from digests: [ab]\.jar"):
        verify_jars(jars, tmp_path / "digests")
