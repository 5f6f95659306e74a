"""What an upload is, in thirty lines, and a machine that holds a real gateway against it."""

import asyncio
import hashlib
from dataclasses import dataclass

import httpx
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, precondition, rule
from typing_extensions import override

from gateway_support import tus
from gateway_support.places import MIB, Places
from gateway_support.real_gateway import RealGateway, eventually
from gateway_support.store_audit import strays

PART = 5 * MIB
SIZES = st.sampled_from([1, 1000, PART - 1, PART, PART + 1, 2 * PART + 7])
CHUNKS = st.sampled_from([0, 1, 999, 64 * 1024, PART, PART + 1, 3 * PART])


@dataclass
class Model:
    """What must be true of an upload after all that was done to it."""

    path: str
    body: bytes
    partial: bool
    offset: int = 0
    gone: bool = False

    @property
    def whole(self) -> bool:
        return self.offset == len(self.body)

    def patched(self, at: int, size: int) -> int:
        """The status that a PATCH gets; moves the offset where that is a success."""
        if self.gone:
            return 410
        if at != self.offset:
            return 409
        if at + size > len(self.body):
            return 413
        self.offset += size
        return 204


class UploadMachine(RuleBasedStateMachine):
    """Any commands in any order, on one process that dies and comes back among them."""

    places: Places
    gateway: RealGateway
    seed = 0

    uploads = Bundle("uploads")

    def __init__(self) -> None:
        super().__init__()
        self.client = self.gateway.client()
        self.models = list[Model]()
        self.finals = list[tuple[str, bytes]]()

    @rule(target=uploads, size=SIZES, partial=st.booleans())
    def create(self, size: int, partial: bool) -> Model:
        type(self).seed += 1
        body = tus.flac(size, f"any commands {self.seed}")
        headers = {"Upload-Length": str(size), "Upload-Metadata": tus.AUDIO}
        answer = self.client.post(
            "/files/", headers=headers | ({"Upload-Concat": "partial"} if partial else {})
        )
        assert answer.status_code == 201, answer.text
        model = Model(httpx.URL(answer.headers["location"]).path, body, partial)
        self.models.append(model)
        return model

    @rule(model=uploads, size=CHUNKS, aside=st.sampled_from([0, 0, 0, 0, 1, -1, PART]))
    def patch(self, model: Model, size: int, aside: int) -> None:
        at = max(0, model.offset + aside)
        size = min(size, max(1, len(model.body) - at) + 1)
        answer = tus.patch(self.client, model.path, at, (model.body + b"?" * PART)[at : at + size])
        assert answer.status_code == model.patched(at, size), answer.text
        if answer.status_code in {204, 409}:
            assert answer.headers["upload-offset"] == str(model.offset)

    @precondition(lambda self: any(not m.gone and not m.whole for m in self.models))
    @rule(data=st.data(), size=CHUNKS, vanish=st.booleans())
    def interrupt(self, data: st.DataObject, size: int, vanish: bool) -> None:
        """A body that stops in its middle: its client vanishes, or asks where it stands."""
        open_ = [model for model in self.models if not model.gone and not model.whole]
        model = data.draw(st.sampled_from(open_))
        rest = len(model.body) - model.offset
        sent = min(size, rest - 1)
        before = self._received()
        with tus.RawPatch(self.gateway, model.path, model.offset, rest) as raw:
            raw.send(model.body[model.offset : model.offset + sent])
            eventually(lambda: self._received() == before + sent)
            if not vanish and sent:
                assert tus.offset(self.client, model.path) == model.offset + sent
                assert raw.answer().startswith("HTTP/1.1 409")
        model.offset += sent
        eventually(lambda: self._committed(model) == model.offset)

    @rule(model=uploads)
    def head(self, model: Model) -> None:
        answer = self.client.head(model.path)
        assert answer.status_code == (410 if model.gone else 200)
        if not model.gone:
            assert answer.headers["upload-offset"] == str(model.offset)

    @rule(model=uploads)
    def delete(self, model: Model) -> None:
        assert self.client.delete(model.path).status_code == (410 if model.gone else 204)
        model.gone = True

    @rule(model=uploads)
    def expire(self, model: Model) -> None:
        """Nobody continues it for a day."""
        query = "UPDATE upload SET expires_at = now() WHERE id = $1"
        asyncio.run(self.places.rows(query, tus.id_of(model.path)))
        if not model.gone and (model.partial or not model.whole):
            eventually(lambda: self.client.head(model.path).status_code == 410)
            model.gone = True

    @rule()
    def crash(self) -> None:
        self.gateway.kill()
        self.gateway.start()

    @rule(first=consumes(uploads), second=consumes(uploads))
    def concatenate(self, first: Model, second: Model) -> None:
        both = [first, second]
        good = all(m.partial and m.whole and not m.gone for m in both) and first is not second
        header = "final;" + " ".join(model.path for model in both)
        answer = self.client.post(
            "/files/", headers={"Upload-Concat": header, "Upload-Metadata": tus.AUDIO}
        )
        assert (answer.status_code == 201) is good, answer.text
        if good:
            path = httpx.URL(answer.headers["location"]).path
            self.finals.append((path, first.body + second.body))
            for model in both:
                self.models.remove(model)

    @override
    def teardown(self) -> None:
        """All come to rest: whole files are stored as they were sent, of others nothing is left."""
        self.client.close()
        self.client = self.gateway.client()
        expected = [(model.path, model.body) for model in self.models if self._becomes_asset(model)]
        for path, body in [*expected, *self.finals]:
            found = tus.ended(self.client, path)
            digest = hashlib.sha256(body).hexdigest()
            assert (found["state"], found["sha256"], found["size"]) == ("stored", digest, len(body))
        for model in self.models:
            if not self._becomes_asset(model):
                self.expire(model)
        eventually(lambda: asyncio.run(strays(self.places)) == [])
        self.client.close()

    def _becomes_asset(self, model: Model) -> bool:
        return model.whole and not model.gone and not model.partial

    def _received(self) -> float:
        lines = self.client.get("/metrics").text.splitlines()
        counted = (line for line in lines if "received_bytes_total " in line and line[0] != "#")
        return sum(float(line.split()[1]) for line in counted)

    def _committed(self, model: Model) -> int:
        query = 'SELECT "offset" FROM upload WHERE id = $1'
        (row,) = asyncio.run(self.places.rows(query, tus.id_of(model.path)))
        return int(row["offset"])


def machine(places: Places, gateway: RealGateway) -> type[UploadMachine]:
    """The machine, on these."""
    return type("Machine", (UploadMachine,), {"places": places, "gateway": gateway})
