"""Fills the user's cache folder with broker, store and Java cache, side by side."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from devstack.java_cache import train_java_cache
from devstack.kafka_jars import install_kafka_jars
from devstack.toolbox import Toolbox
from devstack.topology import Topology
from devstack.versitygw_build import install_versitygw


def install_cache(topology: Topology, tools: Toolbox, report: Callable[[str], None]) -> None:
    """Quick when all is there. The S3 server's build and Kafka's road run at the same time."""

    def broker() -> None:
        install_kafka_jars(tools)
        report("Kafka's jars are in place")
        train_java_cache(topology, tools)
        report("the Java cache is trained")

    def store() -> None:
        install_versitygw(tools)
        report("the S3 server is built")

    with ThreadPoolExecutor(2) as pool:
        for pending in [pool.submit(broker), pool.submit(store)]:
            pending.result()
