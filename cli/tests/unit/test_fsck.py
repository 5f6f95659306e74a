"""What fsck makes of checks and statements, without any system behind them."""

import re
import sqlite3
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from common.clock import SystemClock
from common.errors import Unavailable
from common.fsck import Check, Contribution, CrossCheck, Finding, Scope, Speak, Statement
from reprise_cli.commands.fsck import anchor, exit_code
from reprise_cli.cross_checks import CROSS_CHECKS, reached, taken, upload_ended
from reprise_cli.fsck_run import MOST, Fsck, Result

SCOPE = Scope(timedelta(minutes=5))


def looks(*passes: Sequence[str]) -> Check:
    """A check that finds these subjects at its first look, its second, …"""
    left = list(passes)

    async def run(scope: Scope) -> AsyncIterator[Finding]:
        for subject in left.pop(0):
            scope.step()
            yield Finding(subject, "broken")

    return Check("a.b", "I7", "", run)


def says(**subjects: str) -> Speak:
    async def speak(_scope: Scope) -> AsyncIterator[Statement]:
        for subject, said in subjects.items():
            yield Statement(subject, said)

    return speak


def a_run(*contributions: Contribution, crosses: Sequence[CrossCheck] = ()) -> Fsck:
    return Fsck(contributions, crosses, SystemClock(), second_look=0)


async def test_what_is_found_twice_is_told() -> None:
    result = await a_run().look(looks(["x", "y"], ["y"]), SCOPE)
    assert (result.verdict, [f.subject for f in result.findings]) == ("broken", ["y"])
    assert result.looked_at == 3


async def test_what_a_second_look_does_not_find_was_only_on_its_way() -> None:
    result = await a_run().look(looks(["x"], ["another"]), SCOPE)
    assert (result.verdict, result.findings) == ("clean", ())


async def test_a_check_that_cannot_look_says_so() -> None:
    async def run(_scope: Scope) -> AsyncIterator[Finding]:
        yield Finding("x", "found before the connection broke")
        raise Unavailable("Kafka does not answer")

    result = await a_run().look(Check("a.b", "I7", "", run), SCOPE)
    assert (result.verdict, result.reason) == ("unchecked", "Kafka does not answer")


async def test_a_check_that_fails_takes_no_other_along() -> None:
    async def run(_scope: Scope) -> AsyncIterator[Finding]:
        yield Finding("x", "found before the file turned out to be damaged")
        raise sqlite3.DatabaseError("file is not a database: /somewhere")

    result = await a_run().look(Check("a.b", "I7", "", run), SCOPE)
    assert (result.verdict, result.reason) == (
        "unchecked",
        "the check itself failed: DatabaseError",
    )


async def test_of_a_flood_of_findings_only_the_first_are_kept() -> None:
    flood = [str(n) for n in range(MOST + 100)]
    result = await a_run().look(looks(flood, flood), SCOPE)
    assert [finding.subject for finding in result.findings] == flood[:MOST]
    assert result.reason == "and more: only the first 10,000 are told"


async def test_statements_of_several_services_are_compared_subject_by_subject() -> None:
    seen = {}

    def judge(said: tuple[str | None, ...]) -> str | None:
        seen[said] = True
        return "differ" if said[0] != said[1] else None

    cross = CrossCheck("same", "I1", "", ("one.x", "two.x"), judge)
    run = a_run(
        Contribution("one", statements={"one.x": says(a="1", b="2", d="4")}),
        Contribution("two", statements={"two.x": says(b="2", c="3", d="5")}),
        crosses=[cross],
    )
    result = await run.look(run.checks()[0], SCOPE)
    assert [finding.subject for finding in result.findings] == ["a", "c", "d"]
    assert set(seen) == {("1", None), ("2", "2"), (None, "3"), ("4", "5")}


def test_a_comparison_that_nobody_here_can_make_is_no_failure() -> None:
    cross = CrossCheck("same", "I1", "", ("one.x", "two.x"), lambda _: None)
    run = a_run(Contribution("one", statements={"one.x": says()}), crosses=[cross])
    assert run.checks() == []
    assert [(r.verdict, r.reason) for r in run.elsewhere()] == [
        ("not here", "nobody here says two.x")
    ]
    assert exit_code(run.elsewhere()) == 0


@pytest.mark.parametrize(
    ("verdicts", "code"),
    [
        (["clean", "not here"], 0),
        (["clean", "broken"], 1),
        (["clean", "unchecked"], 2),
        (["unchecked", "broken"], 1),
        ([], 0),
    ],
)
def test_the_exit_code_tells(verdicts: list[str], code: int) -> None:
    results = [Result("a", "I1", "", verdict) for verdict in verdicts]  # type: ignore[arg-type]
    assert exit_code(results) == code


@pytest.mark.parametrize(
    "said",
    [
        ("stored", "ready", None),
        ("stored", "failed", None),
        ("stored", "deleted", None),
        ("stored", "purged", None),
        ("stored", "processing", "at work"),
        ("duplicate", "duplicate", None),
        ("withdrawn", "deleted", None),
        ("expired", "abandoned", None),
        ("rejected", None, None),
        ("receiving", "uploading", None),
        ("recent", None, None),
        (None, "ready", None),
    ],
)
def test_an_upload_that_has_become_something_is_fine(said: tuple[str | None, ...]) -> None:
    assert upload_ended(said) is None


@pytest.mark.parametrize(
    "said",
    [
        ("stored", None, None),
        ("stored", "uploading", None),
        ("stored", "processing", None),
        ("stored", "stored", None),
        ("stored", "duplicate", None),
        ("duplicate", "ready", None),
        ("duplicate", None, None),
        ("withdrawn", "ready", None),
        ("aborted", "uploading", None),
        ("expired", "ready", None),
    ],
)
def test_an_upload_that_hangs_or_is_told_differently_is_found(said: tuple[str | None, ...]) -> None:
    assert upload_ended(said)


def test_a_sequence_that_was_told_and_not_applied_is_found() -> None:
    judge = reached("fact")
    assert judge(("7", "6"))
    assert judge(("1", None))
    assert judge(("7", "7")) is judge(("7", "8")) is judge((None, "3")) is None
    assert judge(("7", "parked")) is None


def test_an_event_that_nobody_took_is_found() -> None:
    judge = taken("an order")
    assert judge(("key", None))
    assert judge(("key", "taken")) is judge((None, "taken")) is None


def test_each_comparison_has_a_name_of_its_own() -> None:
    names = [cross.name for cross in CROSS_CHECKS]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    "name",
    [
        *(cross.name for cross in CROSS_CHECKS),
        *(f"catalog.{shared}" for shared in ("relayed", "sequences", "log", "read", "taken")),
        "upload-gateway.open",
        "catalog.library",
        "transcoder.steps",
        "transcoder.jobs",
        "janitor.orders",
        "janitor.dead",
        "delivery.loaded",
    ],
)
def test_every_check_has_its_section_in_the_runbook(name: str) -> None:
    page = (Path(__file__).parents[3] / "docs/runbooks/fsck.md").read_text()
    headings = [line[3:].lower() for line in page.splitlines() if line.startswith("## ")]
    anchors = {re.sub(r"[^a-z0-9 -]", "", heading).replace(" ", "-") for heading in headings}
    assert anchor(Result(name, "I1", "", "broken")).partition("#")[2] in anchors
