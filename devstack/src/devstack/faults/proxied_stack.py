"""A stack whose services reach Kafka, Postgres and S3 through fault proxies, tests still directly.

Only what a service's environment says is changed: addresses of the three programs become those of
the proxies. Kafka tells its clients where to go next, so it gets one more listener that is
advertised at the proxy's address; whoever comes by the first one is sent to the broker itself.
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

from devstack.faults.tcp_proxy import TcpProxy
from devstack.local_place import LOOPBACK
from devstack.repository import topology
from devstack.stack import Overrides, Stack
from devstack.stack_for_tests import stack_for_tests
from devstack.topology import Process, Topology

PROXIED = "proxied"  # Kafka's listener for clients of the proxy
_OFFSET = 14  # of its port, which no process of the topology has


@dataclass(frozen=True, slots=True)
class ProxiedStack:
    """The stack, and the one way its services have to each of the three."""

    stack: Stack
    kafka: TcpProxy
    postgres: TcpProxy
    s3: TcpProxy

    @property
    def proxies(self) -> Mapping[str, TcpProxy]:
        """By the name of the process behind each."""
        return {"kafka": self.kafka, "postgres": self.postgres, "s3": self.s3}

    def heal(self) -> None:
        """No fault anywhere; connections that lost bytes stay silent."""
        for proxy in self.proxies.values():
            proxy.pass_through()


@contextmanager
def stack_behind_proxies(overrides: Overrides | None = None) -> Iterator[ProxiedStack]:
    """Yields a stack of its own that is not started; ends it and the proxies afterwards."""
    with ExitStack() as ending:
        ways = {
            name: ending.enter_context(TcpProxy(LOOPBACK, 0))
            for name in ("kafka", "postgres", "s3")
        }
        table = behind(topology(), {name: way.address for name, way in ways.items()})
        stack = ending.enter_context(stack_for_tests(table, overrides))
        for name, way in ways.items():
            way.target_port = stack.port(name, PROXIED if name == "kafka" else "main")
        yield ProxiedStack(stack, **ways)


def behind(table: Topology, addresses: Mapping[str, str]) -> Topology:
    """The same topology with each service sent to the given address of a program."""
    processes = dict(table.processes)
    for service in table.services():
        processes[service.name] = _sent_to(service, addresses)
    processes["kafka"] = _advertised(processes["kafka"], addresses["kafka"])
    return replace(table, processes=processes)


def _sent_to(service: Process, addresses: Mapping[str, str]) -> Process:
    environment = dict(service.environment)
    for name, address in addresses.items():
        environment = {
            variable: value.replace(f"${{{name}.address}}", address)
            for variable, value in environment.items()
        }
    return replace(service, environment=environment)


def _advertised(kafka: Process, address: str) -> Process:
    added = {
        "listeners": f"PROXIED://${{self.listen}}:${{self.port.{PROXIED}}}",
        "advertised.listeners": f"PROXIED://{address}",
        "listener.security.protocol.map": "PROXIED:PLAINTEXT",
    }
    given = kafka.properties
    properties = {**given, **{name: f"{given[name]},{value}" for name, value in added.items()}}
    return replace(kafka, properties=properties, ports={**kafka.ports, PROXIED: _OFFSET})
