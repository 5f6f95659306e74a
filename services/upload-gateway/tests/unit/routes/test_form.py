from collections.abc import Sequence
from datetime import timedelta
from typing import Any, cast

import httpx
import pytest
from fastapi import FastAPI
from gateway_support import forms
from prometheus_client import CollectorRegistry, Counter
from pydantic import SecretStr

from common.clock import SystemClock
from common.errors import Invalid, RepriseError
from common.settings.groups import CallerSettings
from common.web.callers import Callers, make_token
from upload_gateway.adapters.asyncio_writers import AsyncioWriters
from upload_gateway.domain.errors import FormTooLarge, OverLimit, TooManyFiles, TooManyUploads
from upload_gateway.routes.form import FormUseCases, build_form_routes
from upload_gateway.usecases.receive_file import FileOutcome
from upload_gateway.usecases.receive_form import FormEnded

CALLERS = CallerSettings(
    jwt_secret=SecretStr("tests only, tests only, tests only"),
    installation_key=SecretStr("tests only, tests only, tests only"),
)
LARGE = FormTooLarge()


class Outcome:
    """A form that ends as the test says."""

    max_files = 3

    def __init__(
        self, errors: Sequence[RepriseError | None], ended_by: RepriseError | None
    ) -> None:
        self._files = [FileOutcome("a.png", None, error) for error in errors]
        self._ended_by = ended_by

    async def __call__(self, *_: object) -> list[FileOutcome]:
        if self._ended_by is not None:
            raise FormEnded(self._ended_by, self._files)
        return self._files


async def sent(receive: Outcome, registry: CollectorRegistry) -> int:
    received = Counter("received", "", registry=registry)
    refused = Counter("refused", "", ["limit"], registry=registry)
    uses = FormUseCases(cast("Any", receive), AsyncioWriters(stall=5), 100, received, refused)
    app = FastAPI()
    app.include_router(build_form_routes(uses, Callers(CALLERS)))
    token = make_token(
        CALLERS,
        subject="admin@example.org",
        role="admin",
        now=SystemClock().now(),
        lifetime=timedelta(hours=1),
    )
    headers = {"Authorization": f"Bearer {token}", **forms.TYPE}
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        return (await client.post(forms.PATH, headers=headers, content=forms.END)).status_code


@pytest.mark.parametrize(
    ("errors", "ended_by", "status", "counted"),
    [
        ([None], None, 200, {}),
        ([Invalid("odd", code="invalid_metadata")], None, 200, {}),
        (
            [
                OverLimit(10, "image"),
                None,
                TooManyUploads("open_uploads", "per_user", 3, 5),
                OverLimit(10, "image"),
            ],
            None,
            200,
            {"file_size": 2, "open_uploads_per_user": 1},
        ),
        ([None], TooManyFiles(3), 413, {"files_per_form": 1}),
        # it ended the file that was read just then, and with it the form: one refusal
        ([LARGE], LARGE, 413, {"form_size": 1}),
    ],
)
async def test_what_limits_refuse_of_a_form_is_counted_by_limit_and_once(
    errors: list[RepriseError | None],
    ended_by: RepriseError | None,
    status: int,
    counted: dict[str, int],
) -> None:
    registry = CollectorRegistry()
    assert await sent(Outcome(errors, ended_by), registry) == status
    found = {
        sample.labels["limit"]: sample.value
        for family in registry.collect()
        for sample in family.samples
        if sample.name == "refused_total"
    }
    assert found == counted
