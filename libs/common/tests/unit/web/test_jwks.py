import asyncio
import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import RSAAlgorithm
from pydantic import SecretStr

from common.clock import SystemClock
from common.errors import Unauthenticated, Unavailable
from common.settings.groups import CallerSettings
from common.telemetry.metrics import Metrics
from common.testing.clock import ManualClock
from common.web.callers import Callers
from common.web.jwks import MAX_DOCUMENT, REFRESH, SOONEST, IssuerKeys
from common.web.loops import run_until_stopped, supervise

PRIVATE = rsa.generate_private_key(65537, 2048)
OTHER = rsa.generate_private_key(65537, 2048)
SETTINGS = CallerSettings(
    jwks_url="https://issuer.example/jwks.json", installation_key=SecretStr("k" * 32)
)


def jwk(kid: str, key: rsa.RSAPrivateKey = PRIVATE, **changes: Any) -> dict[str, Any]:
    public: dict[str, Any] = RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
    return public | {"kid": kid, "use": "sig", "alg": "RS256"} | changes


class Issuer:
    """Publishes what a test tells it to."""

    def __init__(self, *keys: dict[str, Any]) -> None:
        self.document = json.dumps({"keys": list(keys)}).encode()
        self.fetches = 0
        self.fetched = asyncio.Event()

    async def fetch(self) -> bytes:
        self.fetches += 1
        self.fetched.set()
        return self.document


def token(kid: str | None, key: Any = PRIVATE, algorithm: str = "RS256", **headers: Any) -> str:
    now = int(SystemClock().now().timestamp())
    claims = {
        "iss": "reprise",
        "aud": "reprise",
        "sub": "s",
        "role": "user",
        "iat": now,
        "exp": now + 60,
    }
    named = {"kid": kid} if kid is not None else {}
    return "Bearer " + jwt.encode(claims, key, algorithm=algorithm, headers=named | headers)


async def callers(*keys: dict[str, Any]) -> Callers:
    issued = IssuerKeys(Issuer(*keys).fetch)
    await issued.refresh()
    return Callers(SETTINGS, issuer_keys=issued)


async def test_a_published_key_is_believed() -> None:
    assert (await callers(jwk("a"), jwk("b", OTHER))).of(token("b", OTHER)).role == "user"


async def test_everything_else_is_refused() -> None:
    judge = await callers(jwk("a"), jwk("b", OTHER))
    pem = PRIVATE.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    confused = jwt.api_jws.PyJWS()
    confused.unregister_algorithm("HS256")
    for bad in (
        token("c"),
        token(None),
        token("a", OTHER),
        token("../../etc/passwd"),
        token("a' OR 1=1"),
        token("a", PRIVATE, "RS512"),
        token("a", PRIVATE, "PS256"),
        token("a", "k" * 32, "HS256"),
        token("a", pem.hex(), "HS256"),
        token("a", jku="https://evil.example"),
    ):
        with pytest.raises(Unauthenticated):
            judge.of(bad)


async def test_the_installation_key_signs_no_bearer() -> None:
    with pytest.raises(Unauthenticated):
        (await callers(jwk("a"))).of(token("a", "k" * 32, "HS256"))


async def test_before_the_first_fetch_the_answer_is_to_come_again() -> None:
    unread = IssuerKeys(Issuer().fetch)
    with pytest.raises(Unavailable) as early:
        Callers(SETTINGS, issuer_keys=unread).of(token("a"))
    assert early.value.code == "keys_unavailable"
    with pytest.raises(Unavailable):
        await unread.check()


@pytest.mark.parametrize(
    "entry",
    [
        jwk("x", use="enc"),
        jwk("x", alg="RS512"),
        {"kty": "oct", "k": "c2VjcmV0", "kid": "x"},
        {"kty": "RSA", "kid": 7},
    ],
)
async def test_keys_for_other_uses_are_left_out(entry: dict[str, Any]) -> None:
    with pytest.raises(Unauthenticated):
        (await callers(jwk("a"), entry)).of(token("x"))


@pytest.mark.parametrize(
    "document", [b"", b"not json", b"{}", b'{"keys": 3}', b" " * (MAX_DOCUMENT + 1)]
)
async def test_a_bad_document_keeps_the_old_keys(document: bytes) -> None:
    issuer = Issuer(jwk("a"))
    keys = IssuerKeys(issuer.fetch)
    await keys.refresh()
    issuer.document = document
    with pytest.raises(Unavailable):
        await keys.refresh()
    assert keys.key("a").key_size == 2048


async def test_unknown_keys_provoke_a_bounded_number_of_fetches() -> None:
    clock, issuer = ManualClock(), Issuer(jwk("a"))
    keys = IssuerKeys(issuer.fetch, clock=clock)
    await keys.refresh()
    for _ in range(100):
        with pytest.raises(Unauthenticated):
            keys.key("unknown")
    clock.advance(SOONEST - 1)
    assert not keys._due()
    clock.advance(1)
    assert keys._due()
    await keys.refresh()
    clock.advance(REFRESH - 1)
    assert not keys._due()
    clock.advance(1)
    assert keys._due()


async def test_the_loop_fetches_and_ends() -> None:
    issuer, stop = Issuer(jwk("a")), asyncio.Event()
    judge = Callers(SETTINGS, issuer_keys=IssuerKeys(issuer.fetch))
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        group.create_task(run_until_stopped(supervise(judge.loops, Metrics("x")), stop, grace=1))
        await issuer.fetched.wait()
        stop.set()
    assert judge.of(token("a")).role == "user"


def test_a_shared_secret_needs_no_loop() -> None:
    shared = CallerSettings(jwt_secret=SecretStr("s" * 32), installation_key=SecretStr("k" * 32))
    assert Callers(shared).loops == {}
