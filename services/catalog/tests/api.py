"""The HTTP surface of the catalog over given ports, called without a socket."""

from typing import Any

import httpx
from services.catalog.tests.ways_in import CALLERS, GRACE, WaysIn, bearer, user_of

from catalog.bootstrap import build_routes
from catalog.ports import AssetReader, Transactions
from common.clock import SystemClock
from common.ids import UserId
from common.telemetry import tracing
from common.telemetry.metrics import Metrics
from common.telemetry.telemetry import Telemetry
from common.web.app import build_app
from common.web.callers import Callers, Role


class Api:
    """Clients of one catalog: an owner, a stranger, an operator and somebody without a token."""

    def __init__(self, transactions: Transactions, reader: AssetReader) -> None:
        self.app = build_app(
            service="catalog",
            version="0",
            routers=build_routes(transactions, reader, Callers(CALLERS), GRACE),
            checks=(),
            telemetry=Telemetry("catalog", Metrics("catalog"), tracing.configure("catalog")),
        )
        self.ways_in = WaysIn(transactions)
        self.owner, self.stranger = self._client("owner", "user"), self._client("stranger", "user")
        self.admin, self.anonymous = self._client("operator", "admin"), self._client(None)

    @property
    def owner_id(self) -> UserId:
        return user_of("owner")

    @property
    def admin_id(self) -> UserId:
        return user_of("operator")

    def _client(self, subject: str | None, role: Role = "user") -> httpx.AsyncClient:
        now = SystemClock().now()
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app),
            base_url="http://catalog",
            headers=bearer(subject, role, now=now) if subject else {},
        )


def code_of(answer: httpx.Response) -> tuple[int, str]:
    """Status and stable code of a refusal."""
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    return answer.status_code, body["code"]
