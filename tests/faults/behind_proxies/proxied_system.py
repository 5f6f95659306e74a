"""The whole system with a fault proxy before each dependency, and what a test asks of it."""

import operator
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx
from tests.e2e.client import Reprise, eventually, patch_headers, tus_headers
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
        bearer = self.client.caller.headers
        path = filled(route.path, self.known(route))
        match route.verb, route.path:
            case "patch", "/files/{upload_id}":  # all its bytes, so that a part must be stored
                return Call(path, {**bearer, **patch_headers(0)}, content=b"x" * 1000)
            case "post", "/files/":
                return Call(path, {**bearer, **tus_headers(5, filetype="image/jpeg", kind="image")})
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
            case _, "/files/{upload_id}":
                return Call(path, {**bearer, **TUS})
        return Call(path, bearer)

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


@contextmanager
def proxied_system(folder: Path) -> Iterator[ProxiedSystem]:
    """Everything runs and one asset is ready."""
    with stack_behind_proxies(_SETTINGS) as proxied:
        proxied.stack.start()
        env, acks = proxied.stack.env, folder / "acks.jsonl"
        acks.touch()
        caller = Reprise(env["REPRISE_URL"], env["REPRISE_ADMIN_TOKEN"])
        try:
            client = PatientClient(caller, Acks(acks))
            kept = client.upload(tiny_jpeg(), "kept.jpg", "image", "image/jpeg")
            client.finished(kept)
            client.unchanged(kept)
            yield ProxiedSystem(proxied, client, kept, acks)
        finally:
            caller.close()
