"""Live and ready, from a list of named checks, and what a drain needs to know.

Ready: every required check passes and the process is not draining. Live: no loop of this process is
stuck or crashes for longer than it may. Checks run side by side with a timeout each, so a hanging
part makes its own check red and nothing else.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from common.telemetry.metrics import Metrics

CHECK_TIMEOUT = 2.0  # seconds
INTERNAL_PATHS = frozenset({"/livez", "/readyz", "/health", "/ready", "/metrics", "/info"})


@dataclass(frozen=True, slots=True)
class Check:
    """One part the process leans on. `probe` raises when the part is not usable.

    `required` false means that a failure is shown and does not make the process unready (design
    §6).
    """

    name: str
    probe: Callable[[], Awaitable[object]]
    required: bool = True


@dataclass(slots=True)
class Health:
    """The state of this process as its probes tell it."""

    checks: Sequence[Check] = ()
    draining: bool = False
    in_flight: int = 0
    live: dict[str, Callable[[], str | None]] = field(default_factory=dict)

    async def ready(self) -> tuple[bool, dict[str, Any]]:
        """Whether to send requests here, and why not."""
        if self.draining:
            return False, {"status": "draining"}
        reasons = await asyncio.gather(*(_reason(check) for check in self.checks))
        results = list(zip(self.checks, reasons, strict=True))
        good = all(reason is None or not check.required for check, reason in results)
        return good, {
            "status": "ready" if good else "unready",
            "checks": {
                check.name: {"ok": reason is None, "required": check.required}
                | ({"reason": reason} if reason else {})
                for check, reason in results
            },
        }

    def alive(self) -> tuple[bool, dict[str, Any]]:
        """Whether a restart would help: every loop shows progress."""
        stuck = {name: why for name, ask in self.live.items() if (why := ask()) is not None}
        return not stuck, {"status": "alive"} if not stuck else {"status": "stuck", "loops": stuck}


def build_health_routes(health: Health, metrics: Metrics, info: dict[str, Any]) -> APIRouter:
    """The routes of the internal port; not part of the API's schema."""
    router = APIRouter(include_in_schema=False)

    async def livez() -> Response:
        good, body = health.alive()
        return _answer(body, good=good)

    async def readyz() -> Response:
        good, body = await health.ready()
        return _answer(body, good=good)

    async def show_metrics() -> Response:
        return Response(metrics.exposition(), media_type="text/plain; version=0.0.4; charset=utf-8")

    async def show_info() -> Response:
        return _answer(info, good=True)

    for path in ("/livez", "/health"):
        router.add_api_route(path, livez, methods=["GET", "HEAD"])
    for path in ("/readyz", "/ready"):
        router.add_api_route(path, readyz, methods=["GET", "HEAD"])
    router.add_api_route("/metrics", show_metrics, methods=["GET"])
    router.add_api_route("/info", show_info, methods=["GET"])
    return router


def _answer(body: dict[str, Any], *, good: bool) -> Response:
    return JSONResponse(body, 200 if good else 503, {"Cache-Control": "no-store"})


async def _reason(check: Check) -> str | None:
    try:
        async with asyncio.timeout(CHECK_TIMEOUT):
            await check.probe()
    except TimeoutError:
        return f"no answer within {CHECK_TIMEOUT:g} s"
    except Exception as error:  # noqa: BLE001  (any failure of a part is an answer here, not ours to handle)
        # the text may hold an address with a password, its kind is enough
        return str(getattr(error, "code", type(error).__name__))
    return None
