"""What every request passes: trace, request id, limits, metrics, the access line."""

import re
from dataclasses import dataclass

import structlog
from opentelemetry.trace import SpanKind
from prometheus_client import Counter, Histogram
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from common.clock import Clock
from common.telemetry import logs, tracing
from common.telemetry.telemetry import Telemetry
from common.web.health import INTERNAL_PATHS, Health
from common.web.problems import problem

MAX_BODY = 1024 * 1024  # bytes
CLIENT_CLOSED = 499  # nginx's word for a client that left; never sent
_REQUEST_ID = re.compile(r"[A-Za-z0-9-]{8,64}")
_logger = logs.get_logger("access")


@dataclass(slots=True)
class Exchange:
    """What is noted about one request while its answer goes out."""

    started: float
    request_id: str
    status: int | None = None
    sent: int = 0


class Gate:
    """The outermost layer of the app."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        health: Health,
        telemetry: Telemetry,
        clock: Clock,
        access_log: bool = True,
        streamed: tuple[str, ...] = (),
    ) -> None:
        self._app = app
        self._streamed = streamed
        self._health = health
        self._tracer = telemetry.tracer
        self._clock = clock
        self._access_log = access_log
        self._seconds: Histogram = telemetry.metrics.shared_histogram(
            "http_request_seconds",
            "From the request's head to the last byte of its answer.",
            ["method", "route", "status"],
        )
        self._sent: Counter = telemetry.metrics.shared_counter(
            "http_sent_bytes", "Body bytes sent.", ["route"]
        )
        telemetry.metrics.shared_gauge(
            "http_requests_in_flight", "Requests being answered."
        ).set_function(lambda: health.in_flight)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif scope["path"] in INTERNAL_PATHS:
            await self._run(scope, receive, send, internal=True)
        else:
            self._health.in_flight += 1
            try:
                await self._run(scope, receive, send, internal=False)
            finally:
                self._health.in_flight -= 1

    async def _run(self, scope: Scope, receive: Receive, send: Send, *, internal: bool) -> None:
        headers = Headers(scope=scope)
        with tracing.span_from(
            headers.get("traceparent"),
            f"{scope['method']} request",
            tracer=self._tracer,
            kind=SpanKind.SERVER,
        ) as span:
            exchange = Exchange(self._clock.monotonic(), _request_id(headers, span))
            structlog.contextvars.bind_contextvars(request_id=exchange.request_id)
            try:
                await self._answer(scope, receive, send, headers, exchange)
            finally:
                self._record(scope, exchange, internal=internal)

    async def _answer(
        self, scope: Scope, receive: Receive, send: Send, headers: Headers, exchange: Exchange
    ) -> None:
        async def noting(message: Message) -> None:
            if message["type"] == "http.response.start":
                exchange.status = message["status"]
                answer = MutableHeaders(scope=message)
                answer["x-request-id"] = exchange.request_id
                if self._health.draining:
                    answer["connection"] = "close"  # the next request goes elsewhere
            elif message["type"] == "http.response.body":
                exchange.sent += len(message.get("body", b""))
            await send(message)

        streams = scope["path"].startswith(self._streamed)
        try:
            await self._app(scope, receive if streams else bounded(headers, receive), noting)
        except ClientDisconnect:
            exchange.status = CLIENT_CLOSED
        except Exception:
            _logger.exception("http.unexpected", method=scope["method"], path=scope["path"])
            if exchange.status is not None:
                raise  # the head is out: only a cut connection tells the client
            await problem(500, "internal_error")(scope, receive, noting)

    def _record(self, scope: Scope, exchange: Exchange, *, internal: bool) -> None:
        seconds = self._clock.monotonic() - exchange.started
        status = exchange.status or CLIENT_CLOSED
        route = "internal" if internal else _route(scope)
        self._seconds.labels(_method(scope), route, f"{status // 100}xx").observe(seconds)
        self._sent.labels(route).inc(exchange.sent)
        if not self._access_log:
            return
        write = _logger.debug if internal else _logger.info
        write(
            "http.request",
            method=scope["method"],
            path=scope["path"],  # never the query: it carries tokens
            status=status,
            seconds=round(seconds, 4),
            bytes=exchange.sent,
        )


def bounded(headers: Headers, receive: Receive) -> Receive:
    """`receive` with a limit.

    The framework reads a body whole, of any type, before it looks at the caller.
    """
    declared = headers.get("content-length", "")
    left = -1 if declared.isdigit() and int(declared) > MAX_BODY else MAX_BODY

    async def counting() -> Message:
        nonlocal left
        if left < 0:
            raise HTTPException(413, f"A body may have at most {MAX_BODY} bytes here.")
        message = await receive()
        left -= len(message.get("body", b""))
        if left < 0:
            raise HTTPException(413, f"A body may have at most {MAX_BODY} bytes here.")
        return message

    return counting


def _request_id(headers: Headers, span: object) -> str:
    given = headers.get("x-request-id", "")
    if _REQUEST_ID.fullmatch(given):
        return given
    return tracing.current_ids().get("trace_id", "")


def _method(scope: Scope) -> str:
    method = str(scope["method"])
    return method if method in _METHODS else "other"


_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}


def _route(scope: Scope) -> str:
    """The template, not the path: labels come from a closed set."""
    return str(getattr(scope.get("route"), "path", "unmatched"))
