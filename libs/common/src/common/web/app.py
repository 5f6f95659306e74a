"""build_app: a FastAPI with health, metrics, problems and limits, from arguments only."""

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.responses import JSONResponse

from common.clock import Clock, SystemClock
from common.telemetry import tracing
from common.telemetry.metrics import Metrics
from common.telemetry.telemetry import Telemetry
from common.web import described, problems
from common.web.callers import ROLE_SCHEMES
from common.web.gate import Gate
from common.web.health import Check, Health, build_health_routes


def build_app(
    *,
    service: str,
    version: str,
    routers: Sequence[APIRouter],
    checks: Sequence[Check],
    telemetry: Telemetry,
    info: Mapping[str, object] | None = None,
    clock: Clock | None = None,
    access_log: bool = True,
    streamed: Sequence[str] = (),
) -> FastAPI:
    """Assemble the app of one service. Its `Health` is `app.state.health`.

    `checks` decide /readyz, `info` is added to /info. `access_log` false leaves out the line per
    request (metrics stay): for a data plane that answers thousands a second. Bodies have at most
    1 MiB, except under the path prefixes `streamed`, whose routes take them piece by piece.
    """
    app = FastAPI(
        title=f"Reprise {service}",
        version=version,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        # a redirect would be built from the Host header, which the caller chooses
        redirect_slashes=False,
        default_response_class=JSONResponse,
        separate_input_output_schemas=False,
    )
    health = Health(tuple(checks))
    app.state.health = health
    problems.install(app)
    facts = {"service": service, "version": version, **(info or {})}
    app.include_router(build_health_routes(health, telemetry.metrics, facts))
    for router in routers:
        app.include_router(router)
    app.add_middleware(
        Gate,
        health=health,
        telemetry=telemetry,
        clock=clock or SystemClock(),
        access_log=access_log,
        streamed=tuple(streamed),
    )
    return app


def describing_app(service: str, version: str, routers: Sequence[APIRouter]) -> FastAPI:
    """The app of `reprise openapi`: the real routes with nothing behind them, never served."""
    telemetry = Telemetry(service, Metrics(service), tracing.configure(service))
    return build_app(
        service=service, version=version, routers=routers, checks=(), telemetry=telemetry
    )


def openapi_of(app: FastAPI) -> dict[str, Any]:
    """The committed description of the API: every operation says in `x-role` who may call it.

    `x-role` is `user` or `admin` where a bearer is asked for, else what the route says of itself
    (`public`, `capability`, `internal`), else `none`. What is refused is a problem document
    everywhere, also where the framework says that its own shape is answered.
    """
    document = app.openapi()
    described.tell_problems(document)
    for operations in document.get("paths", {}).values():
        for operation in operations.values():
            schemes = {name for entry in operation.get("security", []) for name in entry}
            said = operation.get("x-role", "none")
            operation["x-role"] = next(
                (role for role, scheme in ROLE_SCHEMES.items() if scheme in schemes), said
            )
    return document
