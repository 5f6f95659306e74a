import os
from collections.abc import Iterator
from typing import NoReturn

import pytest

from common import failpoints
from common.errors import Invalid, Unavailable
from common.failpoints import failpoint, failpoint_in_thread


class Died(BaseException):
    """Stands for the end of the process."""


@pytest.fixture(autouse=True)
def off() -> Iterator[None]:
    yield
    failpoints.clear()


@pytest.fixture
def deaths(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    codes: list[int] = []

    def die(code: int) -> NoReturn:
        codes.append(code)
        raise Died

    monkeypatch.setattr(os, "_exit", die)
    return codes


async def test_a_point_that_nobody_switched_on_does_nothing() -> None:
    await failpoint("relay.after_commit")
    failpoint_in_thread("delivery.before_index_commit")


async def test_raise_acts_at_every_pass() -> None:
    failpoints.activate("relay.after_commit=raise")
    for _ in range(2):
        with pytest.raises(Unavailable):
            await failpoint("relay.after_commit")


async def test_a_number_chooses_the_pass_that_acts() -> None:
    failpoints.activate("consumer.after_effect=raise:3")
    await failpoint("consumer.after_effect")
    await failpoint("consumer.after_effect")
    with pytest.raises(Unavailable):
        await failpoint("consumer.after_effect")
    await failpoint("consumer.after_effect")


async def test_exit_ends_the_process_as_a_kill_would_and_says_where(
    deaths: list[int], capfd: pytest.CaptureFixture[str]
) -> None:
    failpoints.activate("janitor.after_object=exit:2")
    await failpoint("janitor.after_object")
    assert deaths == []
    with pytest.raises(Died):
        await failpoint("janitor.after_object")
    assert deaths == [137]
    assert '"failpoint": "janitor.after_object"' in capfd.readouterr().err


async def test_what_a_point_promises_is_made_true_only_when_it_acts() -> None:
    made: list[str] = []

    async def make() -> None:
        made.append("flushed")

    await failpoint("relay.before_commit", first=make)
    assert made == []
    failpoints.activate("relay.before_commit=sleep:0:2")
    await failpoint("relay.before_commit", first=make)
    assert made == []
    await failpoint("relay.before_commit", first=make)
    assert made == ["flushed"]


@pytest.mark.parametrize(
    "setting",
    [
        "relay.nowhere=exit",
        "relay.after_commit",
        "relay.after_commit=explode",
        "relay.after_commit=sleep",
        "relay.after_commit=exit:soon",
        "relay.after_commit=exit:1:2",
    ],
)
def test_what_nobody_understands_is_refused(setting: str) -> None:
    with pytest.raises(Invalid):
        failpoints.activate(setting)
