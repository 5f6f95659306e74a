"""Reads the source: whatever crosses the network is made with its bounds, by a known library."""

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient

from devstack.repository import ROOT

# What must be said where a client is made, because the library waits for ever, or nearly so,
# unless told. A call of any other module's function of the same name is meant too.
BOUNDS = {
    "asyncpg.connect": {"timeout", "command_timeout"},
    "asyncpg.create_pool": {"timeout", "command_timeout"},
    "create_async_engine": {"timeout", "command_timeout"},  # in its connect_args
    "aiohttp.ClientSession": {"timeout"},
    "aiohttp.ClientTimeout": {"connect|sock_connect|total", "sock_read|total"},
    "httpx.Client": {"timeout"},
    "httpx.AsyncClient": {"timeout"},
    "AioConfig": {"connect_timeout", "read_timeout", "retries"},
    "session.client": {"config"},
    "sqlite3.connect": {"timeout"},
    "socket.create_connection": {"timeout"},
    "KafkaBroker": {"request_timeout_ms"},
}
# libraries with bounds that nobody has looked at, and ways around those above
STRANGERS = {
    "requests", "urllib3", "urllib.request", "http.client", "smtplib", "ftplib", "redis", "grpc",
    "websockets", "boto3", "confluent_kafka", "kafka", "psycopg", "psycopg2", "pycurl",
}  # fmt: skip


def sources() -> list[Path]:
    """What runs in production: the library, the services, the operators' command."""
    folders = [ROOT / "libs/common/src", ROOT / "cli/src", *(ROOT / "services").glob("*/src")]
    return sorted(file for folder in folders for file in folder.rglob("*.py"))


def unbounded(source: str) -> Iterator[tuple[int, str]]:
    """Line and what is missing there."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            wanted = next((BOUNDS[n] for n in BOUNDS if name == n or name.endswith("." + n)), set())
            said = set(_said(node))
            for one in wanted:
                if not said & set(one.split("|")):
                    yield node.lineno, f"{name} without {one}"
        for module in _imported(node):
            if any(module == one or module.startswith(one + ".") for one in STRANGERS):
                yield getattr(node, "lineno", 0), f"{module} has bounds nobody has looked at"


def _said(call: ast.Call) -> Iterator[str]:
    for keyword in call.keywords:
        if isinstance(keyword.value, ast.Dict):
            yield from (str(k.value) for k in keyword.value.keys if isinstance(k, ast.Constant))
        yield keyword.arg or ""


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [node.module or ""]
    return []


@pytest.mark.req("REL-07")
def test_every_client_that_crosses_the_network_is_made_with_its_bounds() -> None:
    found = [
        f"{file.relative_to(ROOT)}:{line}: {what}"
        for file in sources()
        for line, what in unbounded(file.read_text())
    ]
    assert found == []


@pytest.mark.req("REL-07")
@pytest.mark.parametrize("made", [AIOKafkaConsumer, AIOKafkaProducer, AIOKafkaAdminClient])
def test_the_broker_clients_bound_each_request_by_themselves(made: type) -> None:
    default = inspect.signature(made).parameters["request_timeout_ms"].default
    assert 0 < default <= 40_000


@pytest.mark.parametrize(
    "careless",
    [
        "await asyncpg.connect(url, timeout=3)",
        "create_async_engine(url, connect_args={'timeout': 3})",
        "aiohttp.ClientSession()",
        "aiohttp.ClientTimeout(sock_connect=3)",
        "aiobotocore.config.AioConfig(connect_timeout=3)",
        "import requests",
        "from urllib.request import urlopen",
    ],
)
def test_a_careless_client_is_found(careless: str) -> None:
    assert list(unbounded(careless)) != []
