"""A golden that was edited, deleted or renamed fails the build, with and without git's memory."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from libs.common.tests.contract.lock import LOCK, history_faults, lock, lock_faults


@pytest.fixture
def contract(tmp_path: Path) -> Path:
    """A checkout with two goldens and a promise, locked and committed."""
    for name in ("golden/a.json", "golden/b.json", "released/a.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f'{{"n": "{name}", "long enough to": "be told apart"}}\n')
    lock(tmp_path)
    git(tmp_path, "init", "--quiet")
    commit(tmp_path)
    return tmp_path


def git(folder: Path, *arguments: str) -> None:
    program = shutil.which("git")
    assert program is not None
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run(
        [program, *identity, *arguments], cwd=folder, check=True, capture_output=True, timeout=20
    )


def commit(folder: Path) -> None:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--no-verify", "--message", "a change")


def edit(folder: Path) -> None:
    (folder / "golden" / "a.json").write_text("{}\n")


def delete(folder: Path) -> None:
    (folder / "golden" / "a.json").unlink()


def rename(folder: Path) -> None:
    (folder / "golden" / "a.json").rename(folder / "golden" / "c.json")


def edit_a_promise(folder: Path) -> None:
    (folder / "released" / "a.json").write_text("{}\n")


Change = Callable[[Path], None]
CHANGES = [edit, delete, rename, edit_a_promise]


def test_what_was_only_added_is_fine(contract: Path) -> None:
    (contract / "golden" / "c.json").write_text("{}\n")
    assert list(lock_faults(contract)) == [f"golden/c.json is not in {LOCK}"]
    lock(contract)
    for _ in range(2):
        assert list(lock_faults(contract)) == []
        assert list(history_faults(contract)) == []
        git(contract, "add", "--all")
        git(contract, "commit", "--quiet", "--allow-empty", "--message", "add c")


@pytest.mark.parametrize("change", CHANGES)
def test_the_lock_notices_without_history(contract: Path, change: Change) -> None:
    shutil.rmtree(contract / ".git")
    change(contract)
    assert list(lock_faults(contract))
    lock(contract)
    assert list(lock_faults(contract)), "locking again heals nothing"


@pytest.mark.parametrize("committed", [False, True], ids=["in the work tree", "committed"])
@pytest.mark.parametrize("change", CHANGES)
def test_the_history_notices_an_edit_together_with_its_line(
    contract: Path, change: Change, *, committed: bool
) -> None:
    change(contract)
    (contract / LOCK).unlink()
    lock(contract)
    assert list(lock_faults(contract)) == [], "the lock alone is deceived"
    if committed:
        commit(contract)
    faults = "; ".join(history_faults(contract))
    assert "was edited or deleted" in faults
    assert f"{LOCK} lost a line" in faults


def test_the_history_notices_an_edit_that_was_taken_back(contract: Path) -> None:
    before = (contract / "golden" / "a.json").read_text()
    edit(contract)
    commit(contract)
    (contract / "golden" / "a.json").write_text(before)
    commit(contract)
    assert list(history_faults(contract))


def test_the_history_notices_an_edit_made_in_a_merge(contract: Path) -> None:
    git(contract, "checkout", "--quiet", "-b", "side")
    (contract / "golden" / "c.json").write_text("{}\n")
    lock(contract)
    commit(contract)
    git(contract, "checkout", "--quiet", "-")
    (contract / "other").write_text("x")
    commit(contract)
    git(contract, "merge", "--quiet", "--no-commit", "side")
    edit(contract)
    commit(contract)
    assert list(history_faults(contract))
    assert list(lock_faults(contract)) == ["golden/a.json was edited"]


def test_a_line_that_names_a_file_again_is_noticed(contract: Path) -> None:
    edit(contract)
    first = (contract / LOCK).read_text()
    (contract / LOCK).unlink()
    lock(contract)
    (contract / LOCK).write_text(first + (contract / LOCK).read_text().splitlines(keepends=True)[0])
    assert list(lock_faults(contract)) == [f"{LOCK} names a file twice"]
