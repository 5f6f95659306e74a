import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import httpx
import jwt
import pytest
from fastapi import APIRouter, Depends
from pydantic import SecretStr

from common.clock import SystemClock
from common.errors import Forbidden, Unauthenticated
from common.settings.groups import CallerSettings
from common.telemetry import tracing
from common.telemetry.metrics import Metrics
from common.telemetry.telemetry import Telemetry
from common.web.app import build_app, openapi_of
from common.web.callers import Caller, Callers, make_token, require, user_id_for

SECRET = "s" * 64
SETTINGS = CallerSettings(
    jwt_secret=SecretStr(SECRET), installation_key=SecretStr("installation-key-of-32-bytes-or-so")
)
CALLERS = Callers(SETTINGS)


def now() -> int:
    return int(SystemClock().now().timestamp())


def claims(**changes: Any) -> dict[str, Any]:
    good = {
        "iss": "reprise",
        "aud": "reprise",
        "sub": "someone@example.org",
        "role": "user",
        "iat": now(),
        "exp": now() + 60,
    }
    return {name: value for name, value in (good | changes).items() if value is not ...}


def bearer(
    payload: dict[str, Any], *, key: str = SECRET, headers: dict[str, Any] | None = None
) -> str:
    return "Bearer " + jwt.encode(payload, key, algorithm="HS256", headers=headers)


def unsigned(payload: dict[str, Any]) -> str:
    head = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').rstrip(b"=").decode()
    body = base64.urlsafe_b64encode(json.dumps(payload).encode()).rstrip(b"=").decode()
    return f"Bearer {head}.{body}."


def test_a_good_token_gives_the_caller() -> None:
    caller = CALLERS.of(bearer(claims(role="admin", aud=["other", "reprise"])))
    assert caller.admin
    assert caller.user_id == CALLERS.of(bearer(claims())).user_id


def test_a_made_token_is_accepted() -> None:
    token = make_token(
        SETTINGS,
        subject="a",
        role="admin",
        now=SystemClock().now(),
        lifetime=timedelta(minutes=1),
    )
    assert CALLERS.of(f"bearer {token}").admin


@pytest.mark.parametrize(
    "authorization",
    [
        pytest.param(None, id="nothing"),
        pytest.param("", id="empty"),
        pytest.param("Bearer", id="no token"),
        pytest.param("Basic YTpi", id="another scheme"),
        pytest.param("Bearer not.a.token", id="garbage"),
        pytest.param("Bearer \udcff.\udcff.\udcff", id="not text"),
        pytest.param(bearer(claims(), key="t" * 64), id="another key"),
        pytest.param(unsigned(claims()), id="alg none"),
        pytest.param(bearer(claims(iss="other")), id="wrong issuer"),
        pytest.param(bearer(claims(aud="other")), id="wrong audience"),
        pytest.param(bearer(claims(exp=now() - 31)), id="too old"),
        pytest.param(bearer(claims(nbf=now() + 600)), id="not yet"),
        pytest.param(bearer(claims(role="root")), id="unknown role"),
        pytest.param(bearer(claims(role=["admin"])), id="role no text"),
        pytest.param(bearer(claims(sub="")), id="empty subject"),
        *[
            pytest.param(bearer(claims(**{name: ...})), id=f"no {name}")
            for name in ("iss", "aud", "sub", "role", "exp", "iat")
        ],
        *[
            pytest.param(bearer(claims(), headers={name: ["x"]}), id=name)
            for name in ("crit", "jku", "x5u", "jwk", "x5c")
        ],
        pytest.param(bearer(claims(padding="x" * 8192)), id="over 8 KiB"),
        pytest.param(
            "Bearer " + jwt.encode(claims(), SECRET, algorithm="HS384"), id="another algorithm"
        ),
    ],
)
def test_any_other_token_is_refused_without_a_reason(authorization: str | None) -> None:
    with pytest.raises(Unauthenticated) as refused:
        CALLERS.of(authorization)
    assert refused.value.code == "unauthenticated"


def test_the_leeway_is_thirty_seconds() -> None:
    CALLERS.of(bearer(claims(exp=now() - 20)))


def test_nothing_but_role_and_subject_is_believed() -> None:
    caller = CALLERS.of(bearer(claims(admin=True, roles=["admin"], user_id="x")))
    assert caller.role == "user"


def test_a_user_id_is_stable_and_tells_nothing() -> None:
    one = user_id_for(b"k" * 32, "issuer", "subject")
    assert str(one) == "df0b3b02-5fb6-8a35-8c6d-0f8c6ffb9a5c" or one.version == 8
    assert one == user_id_for(b"k" * 32, "issuer", "subject")
    others = {
        user_id_for(b"j" * 32, "issuer", "subject"),
        user_id_for(b"k" * 32, "issuers", "ubject"),
        user_id_for(b"k" * 32, "issue", "rsubject"),
        user_id_for(b"k" * 32, "subject", "issuer"),
    }
    assert len(others | {one}) == 5


def test_tokens_are_not_made_without_the_shared_secret() -> None:
    foreign = CallerSettings(
        jwks_url="https://issuer.example/jwks.json", installation_key=SecretStr("k" * 32)
    )
    with pytest.raises(Forbidden):
        make_token(
            foreign,
            subject="a",
            role="user",
            now=datetime(2026, 1, 1, tzinfo=UTC),
            lifetime=timedelta(minutes=1),
        )


def service() -> Any:
    router = APIRouter()

    @router.get("/user")
    async def for_users(caller: Annotated[Caller, Depends(require(CALLERS))]) -> str:
        return caller.role

    @router.get("/admin")
    async def for_admins(caller: Annotated[Caller, Depends(require(CALLERS, role="admin"))]) -> str:
        return caller.role

    return build_app(
        service="catalog",
        version="1",
        routers=[router],
        checks=[],
        telemetry=Telemetry("catalog", Metrics("catalog"), tracing.configure("catalog")),
    )


@pytest.mark.parametrize(
    ("path", "role", "status"),
    [
        ("/user", None, 401),
        ("/user", "user", 200),
        ("/user", "admin", 200),
        ("/admin", None, 401),
        ("/admin", "user", 403),
        ("/admin", "admin", 200),
    ],
)
async def test_a_route_answers_to_its_role(path: str, role: str | None, status: int) -> None:
    headers = {"authorization": bearer(claims(role=role))} if role else {}
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(service()), base_url="http://s"
    ) as http:
        answer = await http.get(path, headers=headers)
    assert answer.status_code == status
    if status == 401:
        assert answer.headers["www-authenticate"] == "Bearer"


def test_the_schema_carries_the_roles() -> None:
    paths = openapi_of(service())["paths"]
    assert paths["/user"]["get"]["x-role"] == "user"
    assert paths["/admin"]["get"]["x-role"] == "admin"
