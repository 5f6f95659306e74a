"""What an operator changed by command: a row of the service concerned, in the same transaction."""

import json
import re
from collections.abc import Mapping

from sqlalchemy import text

from common.postgres.engine import WriteSession
from common.telemetry.scrub import scrub, scrub_mapping

# bytes of JSON; a command over thousands of records says how many there were, not which
MAX_JSON = 20_000

# Postgres would refuse it, and the whole action with it; an even number of backslashes before it
# are text
_NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")

_INSERT = text("""
INSERT INTO operator_action (operator, command, parameters, outcome)
VALUES (:operator, :command, CAST(:parameters AS jsonb), CAST(:outcome AS jsonb))
""")


async def record(
    session: WriteSession,
    operator: str,
    command: str,
    parameters: Mapping[str, object],
    outcome: Mapping[str, object],
) -> None:
    """Write the action down in the transaction that carries it out: both are there or neither.

    `command` is its words (`dlq discard`). `parameters` are what was asked for and `outcome` what
    came of it: ids, counts, reasons. Never payloads or names: rows are kept for ever. What looks
    like a secret is taken out here; a text past MAX_JSON is replaced by its length.
    """
    values = {
        "operator": scrub(operator),
        "command": scrub(command),
        "parameters": _json(parameters),
        "outcome": _json(outcome),
    }
    await session.execute(_INSERT, values)


def _json(mapping: Mapping[str, object]) -> str:
    made = _NUL.sub(r"\1", json.dumps(scrub_mapping(mapping), default=str))
    return made if len(made) <= MAX_JSON else json.dumps({"left_out_bytes": len(made)})
