"""The gate: no point without a real kill, no kill of a point that does not exist."""

import ast
from collections.abc import Iterator

import pytest
from tests.faults.deaths import NotReached, witness
from tests.faults.failpoint_marks import marked_points

from common.failpoints import POINTS
from devstack.repository import ROOT

_CALLS = {"failpoint", "failpoint_in_thread"}
_OWN = ROOT / "libs/common/src/common/failpoints.py"


@pytest.mark.timeout(90)
def test_every_failpoint_has_a_test_that_kills_the_real_process_there() -> None:
    assert sorted(set(POINTS) - marked_points()) == []


@pytest.mark.timeout(90)
def test_no_test_claims_a_failpoint_that_does_not_exist() -> None:
    assert sorted(marked_points() - set(POINTS)) == []


def test_every_failpoint_stands_in_the_code_and_nothing_else_does() -> None:
    assert sorted(set(points_in_code())) == sorted(POINTS)


def points_in_code() -> Iterator[str]:
    for folder in ("libs", "services", "cli"):
        for file in (ROOT / folder).glob("**/src/**/*.py"):
            if file != _OWN and "failpoint" in (text := file.read_text()):
                yield from _points_of(ast.parse(text), file.name)


def _points_of(tree: ast.AST, file: str) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", None) in _CALLS:
            name = node.args[0]
            assert isinstance(name, ast.Constant), f"{file}:{node.lineno}: say the name itself"
            yield str(name.value)


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (None, '{"event": "failpoint.exit", "failpoint": "relay.after_mark"}'),
        (-9, '{"event": "failpoint.exit", "failpoint": "relay.after_mark"}'),
        (137, '{"event": "failpoint.exit", "failpoint": "relay.after_fetch"}'),
        (137, ""),
    ],
)
def test_a_death_elsewhere_is_no_witness(code: int | None, told: str) -> None:
    with pytest.raises(NotReached):
        witness("relay.after_mark", code, told)
