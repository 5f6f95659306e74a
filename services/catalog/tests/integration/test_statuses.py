"""Scripts tell "the tables differ" from "nobody answered" by the status alone."""

import pytest
import typer
from typer.testing import CliRunner

from catalog.commands.recover import recover
from catalog.commands.statuses import status_of
from catalog.commands.verify import verify

pytestmark = pytest.mark.integration

NOWHERE = "postgresql://catalog:secret@127.0.0.1:1/reprise"
AWAY = {
    "REPRISE_KAFKA_BOOTSTRAP": "127.0.0.1:1",
    "REPRISE_POSTGRES_URL_CATALOG": NOWHERE,
    "REPRISE_POSTGRES_ADMIN_URL": NOWHERE,
    "USER": "ops",
}


@pytest.mark.parametrize("command", [recover, verify])
def test_parts_that_do_not_answer_end_it_with_2(command: object) -> None:
    app = typer.Typer()
    app.command()(command)  # type: ignore[type-var]
    done = CliRunner().invoke(app, [], env=AWAY)
    assert done.exit_code == 2, done.output
    assert "does not answer" in done.stderr
    assert "secret" not in done.output + done.stderr


def test_a_recovery_that_leaves_facts_unexplained_is_no_success() -> None:
    assert status_of({"done": False}) == status_of({"facts_unexplained": 0}) == 0
    assert status_of({"facts_unexplained": 1}) == 1
