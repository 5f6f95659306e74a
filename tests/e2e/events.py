"""A person's event stream, read through the edge as it comes."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from tests.e2e.client import Reprise


@contextmanager
def listening(caller: Reprise, last: str | None = None) -> Iterator[Iterator[tuple[str, Any]]]:
    """Names and data of events, one after the other; comments keep the connection only."""
    headers = {"Last-Event-ID": last} if last else {}
    with caller.http.stream("GET", "/api/v1/uploads/events", headers=headers, timeout=60) as answer:
        assert answer.status_code == 200, answer.status_code
        yield events_in(answer)


def events_in(answer: httpx.Response) -> Iterator[tuple[str, Any]]:
    said: dict[str, str] = {}
    for line in answer.iter_lines():
        name, colon, value = line.partition(": ")
        if colon and name:
            said[name] = value
        elif not line and "data" in said:
            yield said["event"], json.loads(said["data"])
            said = {}
