import io
import json
import logging
from collections.abc import Iterator

import pytest

from common.telemetry.logs import configure
from common.telemetry.repeats import EVERY, SeldomFilter


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    stream = io.StringIO()
    configure("catalog", stream=stream)
    yield stream
    root.handlers[:] = before
    root.setLevel(level)


def record(name: str, line: int, at: float) -> logging.LogRecord:
    made = logging.LogRecord(name, logging.ERROR, "client.py", line, "no %s", ("broker",), None)
    made.created = at
    return made


def test_a_broker_that_is_away_does_not_fill_the_log(lines: io.StringIO) -> None:
    for node in range(50):
        logging.getLogger("aiokafka").error("Unable connect to node with id %s", node)
        logging.getLogger("common.relay").error("relay.retry %s", node)
    told = [json.loads(line)["logger"] for line in lines.getvalue().splitlines()]
    assert told.count("aiokafka") == 1
    assert told.count("common.relay") == 50


def test_a_library_speaks_again_after_a_while_and_of_other_things_at_once() -> None:
    seldom = SeldomFilter(["aiokafka"])
    asked = [("aiokafka", 1, 0.0), ("aiokafka.conn", 2, 0.0), ("aiokafka", 1, EVERY - 1)]
    assert [seldom.filter(record(*one)) for one in asked] == [True, True, False]
    assert seldom.filter(record("aiokafka", 1, EVERY))
    assert seldom.filter(record("aiokafkaesque", 1, EVERY))
