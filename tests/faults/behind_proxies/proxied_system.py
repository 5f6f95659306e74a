"""The whole system with a fault proxy before each dependency, and what a test asks of it."""

import hashlib
import operator
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx
from tests.e2e.client import Reprise, eventually, patch_headers, tus_headers
from tests.e2e.operator_commands import reprise
from tests.faults.behind_proxies.http_routes import Call, Route, filled
from tests.faults.fault_stack import QUICK
from tests.faults.patient_client import PatientClient, Sent
from tests.faults.tiny_media import tiny_jpeg

from devstack.faults.proxied_stack import ProxiedStack, stack_behind_proxies
from devstack.history.acks import Acks
from devstack.stack import Stack

SERVICES = ("upload-gateway", "catalog", "transcoder", "delivery", "janitor")
TUS = {"Tus-Resumable": "1.0.0"}
# short leases; sessions with the broker last as long as users' do
_SETTINGS = {
    name: {key: value for key, value in QUICK[name].items() if "KAFKA" not in key}
    for name in SERVICES
    if name in QUICK
}


@dataclass(frozen=True)
class ProxiedSystem:
    """`kept` is an asset that is ready and stays; `acks` is what clients were told so far."""

    proxied: ProxiedStack
    client: PatientClient
    kept: Sent
    acks: Path

    @property
    def stack(self) -> Stack:
        return self.proxied.stack

    def address(self, service: str) -> str:
        """The service's own port: no edge between."""
        return f"http://127.0.0.1:{self.stack.port(service)}"

    def image(self) -> Sent:
        """A small upload, until it is told to be stored."""
        return self.client.upload(tiny_jpeg(), "small.jpg", "image", "image/jpeg")

    def created(self, length: int) -> str:
        """The path of an upload that waits for its bytes."""
        metadata = {"filename": "small.jpg", "filetype": "image/jpeg", "kind": "image"}
        answer = self.client.caller.http.post("/files/", headers=tus_headers(length, **metadata))
        assert answer.status_code == 201, answer.text
        return httpx.URL(answer.headers["location"]).path

    def call_of(self, route: Route) -> Call:
        """A request that the route answers well; things that it would use up are made for it."""
        path = filled(route.path, self.known(route))
        if route.service == "upload-gateway":
            return self._call_of_gateway(route, path)
        bearer = self.client.caller.headers
        match route.verb, route.path:
            case "post", "/api/v1/admin/assets/lookup":
                return Call(path, bearer, json={"sha256": ["0" * 64]})
            case "post", "/api/v1/media/refresh":
                return Call(path, bearer, json={"assets": [self.kept.asset_id]})
            case "get", "/api/v1/media/url":
                return Call(path, bearer, {"key": self._key()})
            case _, "/m/{key}":
                return Call(path, {}, dict(httpx.URL(self.client.link(self.kept)).params))
            case "get", "/api/v1/user/media/{asset_id}/url":
                return Call(path, bearer, {"tier": "original"})
            case "get", "/api/v1/ops/objects":
                return Call(path, bearer, {"asset_id": self.kept.asset_id})
        return Call(path, bearer)

    def _call_of_gateway(self, route: Route, path: str) -> Call:
        bearer = self.client.caller.headers
        match route.verb, route.path:
            case "patch", "/files/{upload_id}":  # all its bytes, so that a part must be stored
                return Call(path, {**bearer, **patch_headers(0)}, content=b"x" * 1000)
            case "post", "/files/":
                return Call(path, {**bearer, **tus_headers(5, filetype="image/jpeg", kind="image")})
            case _, "/files/{upload_id}":
                return Call(path, {**bearer, **TUS})
            case "get", "/api/v1/uploads/events":
                return Call(path, bearer, endless=True)
            case "post", "/api/v1/admin/images/upload":
                return _form_of(tiny_jpeg(), bearer)
            case "post", _ if "/media/" in route.path:
                return Call(path, bearer, json=self._past_the_gateway(path.rsplit("/", 1)[1]))
        return Call(path, bearer)

    def _past_the_gateway(self, step: str) -> dict[str, Any]:
        if step == "commit":
            return {"upload_id": self.put(tiny_jpeg())}
        if step == "parts":
            signed = self.signed(tiny_jpeg(), mode="multipart")
            return {
                "upload_id": signed["upload_id"],
                "parts": [{"number": 1, "sha256": "0" * 64}],
            }
        return _asked(tiny_jpeg())

    def offers(self) -> bool:
        """Whether the gateway has heard what the store can do."""
        ways = self.client.caller.http.get("/api/v1/uploads/config").json()
        return bool(ways["presigned"]["put"] and ways["presigned"]["parts"])

    def signed(self, content: bytes, **more: str) -> dict[str, Any]:
        """What `sign-upload` answers for it."""
        answer = self.client.caller.http.post(
            "/api/v1/media/sign-upload", json=_asked(content) | more
        )
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def put(self, content: bytes) -> str:
        """The upload of bytes that lie in the store and are not committed."""
        signed = self.signed(content, mode="put")
        sent = httpx.put(signed["url"], headers=signed["headers"], content=content, timeout=30)
        assert sent.status_code == 200, sent.text
        return str(signed["upload_id"])

    def known(self, route: Route) -> dict[str, str]:
        """Values for the parameters of a path."""
        uses_up = route.verb == "delete" or route.path.endswith("/restore")
        values = {"asset_id": self.image().asset_id if uses_up else self.kept.asset_id}
        if "{upload_id}" in route.path:
            values["upload_id"] = self.created(1000).rsplit("/", 1)[1]
        if "{key}" in route.path:
            values["key"] = self._key()
        return values

    def _key(self) -> str:
        return httpx.URL(self.client.link(self.kept)).path.removeprefix("/m/")

    def all_ready(self, within: float) -> None:
        """Every process says that it is."""
        for name in SERVICES:
            eventually(
                partial(_status, self.address(name) + "/readyz"),
                partial(operator.eq, 200),
                within=within,
                saying=f"{name} should be ready",
            )


def _status(url: str) -> int:
    try:
        return httpx.get(url, timeout=10).status_code
    except httpx.TransportError:
        return 0


def _asked(content: bytes) -> dict[str, Any]:
    digest = hashlib.sha256(content).hexdigest()
    told = {"kind": "image", "content_type": "image/jpeg", "file_name": "small.jpg"}
    return {"size": len(content), "sha256": digest, **told}


def _form_of(content: bytes, bearer: Mapping[str, str]) -> Call:
    files = {"file": ("small.jpg", content, "image/jpeg")}
    request = httpx.Request("POST", "http://form/api/v1/admin/images/upload", files=files)
    headers = {**bearer, "Content-Type": request.headers["Content-Type"]}
    return Call(request.url.path, headers, content=request.read())


@contextmanager
def proxied_system(folder: Path) -> Iterator[ProxiedSystem]:
    """Everything runs and one asset is ready."""
    with stack_behind_proxies(_SETTINGS) as proxied:
        proxied.stack.start()
        # nothing is offered past the gateway before an operator has asked the store
        theirs = proxied.stack.environment("upload-gateway")["MEDIA_S3_ENDPOINT"]
        reprise(proxied.stack, "doctor", "s3", "--quick", MEDIA_S3_ENDPOINT=theirs)
        env, acks = proxied.stack.env, folder / "acks.jsonl"
        acks.touch()
        caller = Reprise(env["REPRISE_URL"], env["REPRISE_ADMIN_TOKEN"])
        try:
            client = PatientClient(caller, Acks(acks))
            kept = client.upload(tiny_jpeg(), "kept.jpg", "image", "image/jpeg")
            client.finished(kept)
            client.unchanged(kept)
            system = ProxiedSystem(proxied, client, kept, acks)
            eventually(system.offers, partial(operator.is_, True), within=90, saying="offered")
            yield system
        finally:
            caller.close()
