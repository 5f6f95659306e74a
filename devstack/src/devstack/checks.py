"""Asks a server on this machine whether it answers; used while waiting for readiness."""

import http.client
import socket

from devstack.local_place import LOOPBACK

# ApiVersions v0: size, key 18, version 0, correlation 1, null client id. The broker answers it
# only once it processes requests, which a plain connect does not show.
_API_VERSIONS = b"\0\0\0\x0a\0\x12\0\0\0\0\0\x01\xff\xff"


def http_answers(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status in {200, 204}
    except http.client.HTTPException:
        return False
    finally:
        connection.close()


def kafka_answers(port: int) -> bool:
    with socket.create_connection((LOOPBACK, port), timeout=1) as connection:
        connection.settimeout(5)
        connection.sendall(_API_VERSIONS)
        return len(connection.recv(64)) > 8


def tcp_answers(port: int) -> bool:
    with socket.create_connection((LOOPBACK, port), timeout=1):
        return True
