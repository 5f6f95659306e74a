"""A plain client that sends files past the gateway, knowing nothing but what it was answered."""

import asyncio
import hashlib
from collections.abc import Collection
from typing import Any

import httpx
from pydantic import SecretStr

from common.postgres.engine import open_engine
from common.s3.probe.presign_lines import PRESIGN_LINES
from common.s3.probe.probing import Wishes, open_probing
from common.s3.probe.run import findings
from common.settings.groups import PostgresSettings
from gateway_support.places import Places
from gateway_support.real_gateway import eventually
from gateway_support.tus import ENDS
from upload_gateway.adapters.postgres_capabilities import Probed, keep_capabilities, place_of

TELLING = {
    "presigned_put", "presigned_once", "digested_put",
    "presigned_parts", "digested_parts", "short_body_refused",
}  # fmt: skip


def learn(places: Places) -> dict[str, bool]:
    """What `reprise doctor s3` says of the store about signed requests, kept as it keeps it."""

    async def asked() -> list[Probed]:
        lines = [line for line in PRESIGN_LINES if line.name in TELLING]
        async with open_probing(places.s3, Wishes(large=False, patient=False)) as probing:
            found = [finding async for finding in findings(probing, lines)]
        return [Probed(item.line.name, item.works, item.detail) for item in found]

    found = asyncio.run(asked())
    asyncio.run(_kept(places, found))
    return {line.name: line.works for line in found}


def suppose(places: Places, lines: Collection[str]) -> None:
    """As if exactly these lines had passed."""
    asyncio.run(_kept(places, [Probed(line, True, "") for line in lines]))


async def _kept(places: Places, found: list[Probed]) -> None:
    settings = PostgresSettings(url=SecretStr(places.env["REPRISE_POSTGRES_URL"]), pool_size=2)
    async with open_engine(settings, schema="upload_gateway") as database, database.write() as tx:
        await keep_capabilities(tx, place_of(places.s3), found)


def sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def flac_told(body: bytes, **more: Any) -> dict[str, Any]:
    """What a client says of an audio file first; None leaves something out."""
    told = {
        "size": len(body),
        "file_name": "set.flac",
        "content_type": "audio/flac",
        "sha256": sha256(body),
    }
    return {name: value for name, value in (told | more).items() if value is not None}


def ask(client: httpx.Client, body: bytes, **more: Any) -> httpx.Response:
    return client.post("/api/v1/media/sign-upload", json=flac_told(body, **more))


def signed(client: httpx.Client, body: bytes, **more: Any) -> dict[str, Any]:
    answer = ask(client, body, **more)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def send(request: dict[str, Any], body: bytes, **headers: str) -> httpx.Response:
    """Exactly what was answered, by a client that has no token of ours."""
    return httpx.request(
        request["method"],
        request["url"],
        headers=request["headers"] | headers,
        content=body,
        timeout=30,
    )


def follow(client: httpx.Client, step: dict[str, Any], **more: Any) -> httpx.Response:
    """One of the steps of an answer; `more` goes into its body."""
    body = (step["body"] or {}) | more if step["method"] == "POST" else None
    return client.request(step["method"], step["url"], json=body)


def part_requests(
    client: httpx.Client, upload: dict[str, Any], body: bytes, *numbers: int, digests: bool = True
) -> list[dict[str, Any]]:
    wanted = [
        {"number": n} | ({"sha256": sha256(piece(upload, body, n))} if digests else {})
        for n in numbers
    ]
    answer = follow(client, upload["parts"], parts=wanted)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["parts"]
    return found


def piece(upload: dict[str, Any], body: bytes, number: int) -> bytes:
    size: int = upload["parts"]["size"]
    return body[(number - 1) * size : number * size]


def send_parts(
    client: httpx.Client, upload: dict[str, Any], body: bytes, *numbers: int, digests: bool = True
) -> None:
    for request in part_requests(client, upload, body, *numbers, digests=digests):
        answer = send(request, piece(upload, body, request["number"]))
        assert answer.status_code == 200, answer.text


def send_all(client: httpx.Client, upload: dict[str, Any], body: bytes) -> None:
    if upload["mode"] == "put":
        answer = send(upload, body)
        assert answer.status_code == 200, answer.text
        return
    step = upload["parts"]
    for number in range(1, step["count"] + 1):
        send_parts(client, upload, body, number, digests=step["digest_needed"])


def commit(client: httpx.Client, upload: dict[str, Any], **more: Any) -> httpx.Response:
    return follow(client, upload["commit"], **more)


def ended(client: httpx.Client, upload: dict[str, Any]) -> dict[str, Any]:
    """Its status once it has ended."""

    def status() -> dict[str, Any]:
        answer = follow(client, upload["status"])
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    eventually(lambda: status()["state"] in ENDS)
    return status()
