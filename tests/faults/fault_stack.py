"""A stack for faults: short leases and graces, and a second catalog and transcoder to promote."""

import contextlib
from collections.abc import Iterator
from dataclasses import replace

from devstack.repository import topology
from devstack.stack import Overrides, Stack
from devstack.stack_for_tests import HOMES, stack_for_tests
from devstack.topology import Process, Topology

SECOND = {"catalog-2": ("catalog", 14), "transcoder-2": ("transcoder", 15)}

# A crash is felt after a lease, a session or a sweep: seconds here, so that a kill costs a test
# little. Nothing else differs from what users run.
_SESSION = {"REPRISE_KAFKA_SESSION_TIMEOUT": "2"}
_CATALOG = {"REPRISE_DELETE_GRACE": "0.5", "REPRISE_GRACE_SWEEP_INTERVAL": "0.2", **_SESSION}
_TRANSCODER = {"REPRISE_TRANSCODER_LEASE": "2", **_SESSION}
QUICK: Overrides = {
    "upload-gateway": {
        "REPRISE_UPLOAD_VERIFY_LEASE": "2",
        "REPRISE_UPLOAD_SWEEP_INTERVAL": "1",
        # one person writes a backlog of thousands
        "REPRISE_UPLOAD_MAX_OPEN": "10000",
        "MAX_CONCURRENT_UPLOADS": "10000",
        "REPRISE_UPLOAD_MAX_CONCURRENT_TOTAL": "10000",
        **_SESSION,
    },
    "catalog": _CATALOG,
    "catalog-2": _CATALOG,
    "transcoder": _TRANSCODER,
    "transcoder-2": _TRANSCODER,
    "janitor": {"REPRISE_PURGE_LEASE": "2", **_SESSION},
}


@contextlib.contextmanager
def fault_stack() -> Iterator[Stack]:
    """All processes but the second ones run; they are started by the test that wants them."""
    table = _with_seconds(topology())
    with stack_for_tests(table, QUICK, HOMES / "faults") as stack:
        stack.start([name for name in table.processes if name not in SECOND])
        yield stack


def _with_seconds(table: Topology) -> Topology:
    kafka = table.processes["kafka"]
    properties = {
        **kafka.properties,
        "group.min.session.timeout.ms": "1000",
        # the cleaner looks every 15 s otherwise
        "log.cleaner.backoff.ms": "300",
    }
    processes = {**table.processes, "kafka": replace(kafka, properties=properties)}
    processes |= {name: _second(table, name, *like) for name, like in SECOND.items()}
    return replace(table, processes=processes)


def _second(table: Topology, name: str, like: str, port: int) -> Process:
    return replace(table.processes[like], name=name, port=port)
