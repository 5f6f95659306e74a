"""What the commands for consumers, dead letters and lag say before they reach for anything."""

import sys
from collections.abc import Iterator
from datetime import timedelta

import pytest
import typer
from typer.core import TyperGroup

from reprise_cli import main as command
from reprise_cli.spans import parse_span, say_span


def named(group: object, *words: str) -> Iterator[str]:
    if isinstance(group, TyperGroup):
        for word, inner in group.commands.items():
            yield from named(inner, *words, word)
    else:
        yield " ".join(words)


COMMANDS = list(named(typer.main.get_command(command.app)))


def run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str
) -> tuple[int, str]:
    monkeypatch.setattr(sys, "argv", ["reprise", *arguments])
    with pytest.raises(SystemExit) as end:
        command.main()
    said = capsys.readouterr()
    return int(end.value.code or 0), said.out + said.err


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself_with_an_example(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    code, out = run(monkeypatch, capsys, *name.split(), "--help")
    assert code == 0
    assert f"reprise {name}" in " ".join(out.split("Example:")[1].split())
    assert "--json" in out


@pytest.mark.parametrize(
    "arguments",
    [
        ("dlq", "redrive"),
        ("dlq", "redrive", "abcdef", "--group", "catalog.uploads"),
        ("dlq", "redrive", "abcdef", "fedcba", "--edit", "file.json"),
        ("dlq", "discard", "--reason", "  ", "abcdef"),
        ("dlq", "discard", "abcdef"),
        ("dlq", "discard", "abcdef", "--failed-with", "x", "--reason", "y"),
        ("parked", "discard", "--group", "catalog.uploads", "--reason", "x"),
        ("consumers", "pause", "catalog.uploads", "--reason", " "),
        ("lag", "--watch", "--json"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_read(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    code, out = run(monkeypatch, capsys, *arguments)
    assert code == 2
    assert "Traceback" not in out


@pytest.mark.parametrize("name", ["dlq list", "parked list", "consumers list", "lag"])
def test_a_missing_address_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    code, out = run(monkeypatch, capsys, *name.split())
    assert code == 2
    assert "REPRISE_KAFKA_BOOTSTRAP is not set" in out


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0s"), (59, "59s"), (60, "1m"), (119, "119s"), (7200, "2h"), (172_800, "2d")],
)
def test_spans_are_said_in_their_largest_whole_unit(seconds: int, said: str) -> None:
    assert say_span(timedelta(seconds=seconds)) == said


def test_spans_are_read_as_they_are_said() -> None:
    assert parse_span("90s", "--since") == timedelta(seconds=90)
    assert parse_span("7d", "--since") == timedelta(days=7)
    with pytest.raises(typer.BadParameter, match="15m"):
        parse_span("soon", "--since")
