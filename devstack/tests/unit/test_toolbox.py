"""A missing program is told with the command that brings it."""

from pathlib import Path

import pytest

from devstack import system_packages
from devstack.errors import DevstackError
from devstack.settings import DevstackSettings, read_settings
from devstack.system_packages import SystemProgram, install_system_packages
from devstack.toolbox import Toolbox

_NOWHERE = SystemProgram("no-such-program", "no-such-package", None)


def _empty(folder: Path) -> Toolbox:
    settings = {"XDG_CACHE_HOME": folder, "PATH": str(folder), "REPRISE_NGINX": "no-such-nginx"}
    return Toolbox(DevstackSettings.model_validate(settings))


def test_a_wrong_choice_is_told_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPRISE_PORT_BASE", "abc")
    with pytest.raises(DevstackError, match=r"^REPRISE_PORT_BASE is wrong: input should be"):
        read_settings()


def test_the_store_and_the_broker_are_brought_by_install(tmp_path: Path) -> None:
    for missing in (_empty(tmp_path).versitygw, _empty(tmp_path).kafka_jars):
        with pytest.raises(DevstackError, match=r"is not installed .*: run `make install`$"):
            missing()


def test_a_program_of_the_system_is_named(tmp_path: Path) -> None:
    with pytest.raises(DevstackError, match=r"^no-such-nginx is not installed: run `make install`"):
        _empty(tmp_path).nginx()


def test_without_rights_one_sentence_says_what_to_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system_packages, "PROGRAMS", (_NOWHERE,))
    monkeypatch.setattr(system_packages, "may_install", lambda: False)
    monkeypatch.setattr("sys.platform", "linux")
    assert install_system_packages() == (
        "no-such-program not installed: install with "
        "`sudo apt-get install --no-install-recommends no-such-package`, then start again"
    )


def test_nothing_is_said_when_nothing_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system_packages, "PROGRAMS", (SystemProgram("sh", "dash", None),))
    assert install_system_packages() is None
