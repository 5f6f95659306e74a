"""The parts an edge configuration is made of; `nginx_config` puts them together."""

import json

from devstack.references import Place
from devstack.topology import Process, Route, Topology

# status -> (title, code, seconds after which a retry makes sense; 0 = none does)
_PROBLEMS = {
    400: ("Bad Request", "bad_request", 0),
    403: ("Forbidden", "forbidden", 0),
    404: ("Not Found", "not_found", 0),
    405: ("Method Not Allowed", "method_not_allowed", 0),
    411: ("Length Required", "length_required", 0),
    413: ("Content Too Large", "too_large", 0),
    414: ("URI Too Long", "uri_too_long", 0),
    500: ("Internal Server Error", "internal_error", 5),
    501: ("Not Implemented", "not_implemented", 0),
    502: ("Bad Gateway", "unavailable", 2),
    503: ("Service Unavailable", "unavailable", 5),
    504: ("Gateway Timeout", "timeout", 5),
    505: ("HTTP Version Not Supported", "version_not_supported", 0),
}
# refused before nginx knows a path: a named location would answer with a 500 of its own
_BEFORE_A_PATH = frozenset({400, 414, 505})

# Bodies reach the gateway as they arrive and answers leave as they come; nothing is spooled.
PROXY = """\
    proxy_http_version 1.1;
    proxy_set_header Host $http_host;
    proxy_set_header Connection "";
    proxy_set_header X-Forwarded-For $remote_addr;
    proxy_set_header X-Forwarded-Proto $shown_scheme;
    proxy_request_buffering off;
    proxy_buffering off;
    proxy_connect_timeout 5s;
    # a request that may have reached the service is never sent twice
    proxy_next_upstream off;

    client_max_body_size 0;
    # bodies pass through in pieces of this size; the default of 16k costs eight times the calls
    client_body_buffer_size 128k;
    client_body_timeout 60s;
    client_header_buffer_size 4k;
    large_client_header_buffers 4 32k;
    keepalive_timeout 65s;
    send_timeout 60s;
    reset_timedout_connection on;
    server_tokens off;
    absolute_redirect off;
    default_type application/octet-stream;"""

LOG_FORMAT = """\
    # never the query (it carries media tokens), never a path that is itself a capability
    map $uri $logged_path {
        default $uri;
%s
    }
    log_format edge escape=json '{"time":"$time_iso8601","method":"$request_method",'
        '"path":"$logged_path","status":$status,"sent":$bytes_sent,"received":$request_length,'
        '"seconds":$request_time,"upstream":"$upstream_addr","upstream_status":"$upstream_status"}';"""


def shown_scheme(topology: Topology) -> str:
    """The scheme that clients see; only a proxy that is trusted may say another than ours."""
    trusted = "".join(f"        {network} 1;\n" for network in topology.trusted_proxies)
    return (
        f"    geo $trusted_proxy {{\n        default 0;\n{trusted}    }}\n"
        '    map "$trusted_proxy:$http_x_forwarded_proto" $shown_scheme {\n'
        "        default $scheme;\n"
        "        1:https https;\n        1:http http;\n    }"
    )


def routed(topology: Topology) -> list[Process]:
    names = {route.to for route in topology.routes}
    return [process for process in topology.processes.values() if process.name in names]


def upstreams(topology: Topology, place: Place) -> str:
    # Idle connections end before the service's own 5 s, else a request may meet a closing one.
    return "\n".join(
        f"    upstream {process.name} {{\n"
        f"        server {place.host(process)}:{place.port(process, 'main')} max_fails=0;\n"
        f"        keepalive 32;\n        keepalive_timeout 3s;\n    }}"
        for process in routed(topology)
    )


def backend_variable(name: str) -> str:
    return "$" + name.replace("-", "_")


def names(topology: Topology, place: Place) -> str:
    # A map makes each backend a variable, which is what makes nginx ask the resolver again.
    return "\n".join(
        f"    map $host {backend_variable(process.name)} {{\n"
        f"        default {place.host(process)}:{place.port(process, 'main')};\n    }}"
        for process in routed(topology)
    )


def location(route: Route, backend: str) -> str:
    """One routed path; `backend` is an upstream's name or a variable."""
    how = {"exact": "= ", "prefix": "", "pattern": "~ "}[route.match]
    # an answer's head must fit into one buffer, else it is a 502
    large = (
        "            proxy_buffer_size 40k;\n            proxy_buffers 4 40k;\n"
        if route.large_headers
        else ""
    )
    path = f'"{route.path}"' if route.match == "pattern" else route.path
    return (
        f"        location {how}{path} {{\n"
        f"            proxy_pass http://{backend};\n"
        f"            proxy_read_timeout {route.timeout}s;\n"
        f"            proxy_send_timeout {route.timeout}s;\n{large}        }}"
    )


def closed_roots(topology: Topology) -> str:
    """`/m` without its slash is no route; nginx by itself would redirect it."""
    open_paths = {route.path for route in topology.routes if route.match == "exact"}
    roots = [route.path.rstrip("/") for route in topology.routes if route.match == "prefix"]
    paths = [root for root in roots if root not in open_paths]
    return "\n".join(
        f"        location = {path} {{\n            return 404;\n        }}" for path in paths
    )


def problems() -> str:
    pages = [f"        error_page {status} {_page(status)};" for status in _PROBLEMS]
    pages.append(f"        error_page 494 =400 {_page(400)};")  # a header larger than the buffers
    return "\n".join((*pages, *(_problem(status) for status in _PROBLEMS)))


def _page(status: int) -> str:
    # A named location keeps the path for the log; there is none where the first line was refused.
    return f"/-/problem/{status}" if status in _BEFORE_A_PATH else f"@problem_{status}"


def _problem(status: int) -> str:
    title, code, retry = _PROBLEMS[status]
    body = json.dumps({"type": "about:blank", "title": title, "status": status, "code": code})
    place = f"= {_page(status)}" if status in _BEFORE_A_PATH else _page(status)
    inner = "            internal;\n" if status in _BEFORE_A_PATH else ""
    header = f"            add_header Retry-After {retry} always;\n" if retry else ""
    return (
        f"        location {place} {{\n{inner}"
        f"            default_type application/problem+json;\n"
        f"            add_header Cache-Control no-store always;\n{header}"
        f"            return {status} '{body}';\n        }}"
    )


def own_health() -> str:
    return (
        "        location = /-/edge {\n            access_log off;\n            allow 127.0.0.1;\n"
        "            deny all;\n            return 204;\n        }"
    )
