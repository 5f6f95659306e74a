"""What is refused on the way past the gateway: one log event and one count for each (OBS-02)."""

from collections.abc import Callable, Coroutine, Generator, Mapping
from contextlib import contextmanager
from typing import Any, Literal

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from prometheus_client import Counter
from typing_extensions import override

from common.errors import Invalid, RepriseError
from common.telemetry.logs import get_logger, log_event

Step = Literal["sign_upload", "commit"]
SIGN_UPLOAD: Step = "sign_upload"
COMMIT: Step = "commit"
_BRANCH: dict[Step, str] = {"sign_upload": "rejected", "commit": "fail"}

_log = get_logger("upload_gateway.presigned")


@contextmanager
def telling(outcomes: Counter, step: Step, **known: object) -> Generator[None, None, None]:
    """What was refused, by its code; never by the upload's id, whose address is a capability."""
    try:
        yield
    except RepriseError as error:
        _tell(outcomes, step, error.code, **known)
        raise


def _tell(outcomes: Counter, step: Step, code: str, **known: object) -> None:
    outcomes.labels(step, code).inc()
    log_event(_log, f"media.{step}.{_BRANCH[step]}", reason=code, **known)


def telling_routes(outcomes: Callable[[], Counter], steps: Mapping[str, Step]) -> type[APIRoute]:
    """Routes that tell of what never reaches them, too: a request that does not fit its schema.

    `steps` by the names of the routes' functions.
    """

    class TellingRoute(APIRoute):
        @override
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            handle = super().get_route_handler()
            step = steps.get(self.name)
            return handle if step is None else _told(handle, outcomes, step)

    return TellingRoute


def _told(
    handle: Callable[[Request], Coroutine[Any, Any, Response]],
    outcomes: Callable[[], Counter],
    step: Step,
) -> Callable[[Request], Coroutine[Any, Any, Response]]:
    async def handled(request: Request) -> Response:
        try:
            return await handle(request)
        except RequestValidationError:
            kind = {"kind": None} if step == SIGN_UPLOAD else {}
            _tell(outcomes(), step, Invalid.default_code, **kind)
            raise

    return handled
