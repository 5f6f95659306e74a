import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from gateway_support.bench import OWNER, PART, Bench
from gateway_support.fakes import KnownSniffer, ListedBody
from typing_extensions import override

from common.errors import RepriseError
from upload_gateway.domain.errors import RateLimited, UploadCut
from upload_gateway.domain.upload import RUNNING
from upload_gateway.ports.body import BodyCut, CutReason
from upload_gateway.usecases.receive_file import FileOutcome, ReceiveFile
from upload_gateway.usecases.receive_form import FormEnded, ReceiveForm, Sender
from upload_gateway.usecases.reject_content import RejectContent

PNG = Sender(OWNER, "admin")
BODY = bytes(range(35))


@dataclass
class Part:
    """A part as the test writes it: bytes, or what ends the form there."""

    file_name: str | None
    chunks: Sequence[bytes | CutReason] = (BODY,)
    content_type: str | None = "image/png"
    name: str = "file"


def said(name: str, value: str) -> Part:
    return Part(None, (value.encode(),), None, name)


class ListedForm(ListedBody):
    """A form of these parts; once cut it stays cut."""

    def __init__(self, *parts: Part) -> None:
        super().__init__()
        self._parts = list(parts)
        self._cut: CutReason | None = None
        self.asked = 0

    async def following(self) -> Part | None:
        self.asked += 1
        self._refuse_when_cut()
        for chunk in self._chunks:
            await self._passed(chunk)
        part = self._parts.pop(0) if self._parts else None
        self._chunks = list(part.chunks) if part else []
        return part

    async def opening(self, size: int) -> bytes:
        self._refuse_when_cut()
        if self._chunks and isinstance(self._chunks[0], str):
            await self._passed(self._chunks[0])
        return b"".join(chunk for chunk in self._chunks if isinstance(chunk, bytes))[:size]

    async def text(self) -> str:
        return (await self.opening(100)).decode()

    @override
    async def read_into(self, view: memoryview) -> int:
        self._refuse_when_cut()
        if self._chunks and isinstance(self._chunks[0], str):
            await self._passed(self._chunks[0])
        return await super().read_into(view)

    async def _passed(self, chunk: bytes | CutReason) -> None:
        if chunk == "superseded":  # of the upload alone: the form goes on
            self._chunks = []
            raise BodyCut(chunk)
        if isinstance(chunk, str):
            self._cut = chunk
        self._refuse_when_cut()

    def _refuse_when_cut(self) -> None:
        if self._cut is not None:
            raise BodyCut(self._cut)


class Reviving(ListedForm):
    """A form that goes on when the upload of one of its files was cut: its client woke up."""

    @override
    async def _passed(self, chunk: bytes | CutReason) -> None:
        if isinstance(chunk, str):
            self._chunks = []
            raise BodyCut(chunk)


@dataclass
class FormBench(Bench):
    sniffer: KnownSniffer = field(default_factory=lambda: KnownSniffer(frozenset({"png"})))
    accept_any: bool = False

    def taking(self, max_files: int = 9) -> ReceiveForm:
        receive = ReceiveFile(
            self.ledger,
            self.create,
            self.append,
            self.end,
            RejectContent(self.ledger, self.clock),
            self.clear,
            self.sniffer,
            self.accept_any,
        )
        return ReceiveForm(self.store, self.pace, receive, max_files)

    async def took(self, *parts: Part) -> list[FileOutcome]:
        return await self.taking()(PNG, ListedForm(*parts))

    @property
    def running(self) -> int:
        return sum(upload.state in RUNNING for upload in self.ledger.tables.uploads.values())


def codes(outcomes: list[FileOutcome]) -> list[str | None]:
    return [outcome.error.code if outcome.error else None for outcome in outcomes]


@pytest.mark.parametrize("size", [1, PART - 1, PART, PART + 1, 3 * PART, 35])
async def test_a_file_is_as_long_as_its_part_of_the_form(size: int) -> None:
    bench = FormBench()
    [outcome] = await bench.took(
        Part("a.png", (BODY[:7], BODY[7:size]) if size > 7 else (BODY[:size],))
    )
    assert outcome.upload is not None
    assert (outcome.upload.state, outcome.upload.length) == ("verifying", size)
    found = await bench.verified(outcome.upload)
    assert (found.state, found.sha256) == ("stored", hashlib.sha256(BODY[:size]).hexdigest())
    assert bench.store.objects[found.key] == BODY[:size]
    assert not any(key.startswith("staging/") for key in bench.store.objects)
    assert bench.buffers.in_use == 0


async def test_fields_speak_of_the_next_file_and_a_kind_of_all_that_follow() -> None:
    bench = FormBench()
    outcomes = await bench.took(
        said("name", "../named.png"),
        said("note", "b"),
        Part("a.png"),
        said("kind", "avatar"),
        Part("b.png", (BODY[1:],)),
        Part("c.png", (BODY[2:],)),
    )
    uploads = [outcome.upload for outcome in outcomes]
    assert [u and (u.kind, u.file_name) for u in uploads] == [
        ("image", "named.png"), ("avatar", "b.png"), ("avatar", "c.png"),
    ]  # fmt: skip
    details = [m for m in bench.ledger.tables.messages if "details" in m.envelope.type]
    assert [json.loads(message.payload or b"")["metadata"] for message in details] == [
        {"note": "b"},
        {},
        {},
    ]


async def test_a_form_is_counted_once_and_refused_before_it_is_read() -> None:
    bench = FormBench()
    bench.pace.tokens = 1
    assert codes(await bench.took(Part("a.png"), Part("b.png", (BODY[1:],)))) == [None, None]
    form = ListedForm(Part("c.png"))
    with pytest.raises(RateLimited):
        await bench.taking()(PNG, form)
    assert form.asked == 0


async def test_a_store_that_fails_costs_its_file_and_no_other() -> None:
    bench = FormBench()
    bench.store.down = True

    class Healing(ListedForm):
        @override
        async def following(self) -> Part | None:
            bench.store.down = self.asked == 0
            return await super().following()

    outcomes = await bench.taking()(PNG, Healing(Part("a.png"), Part("b.png", (BODY[1:],))))
    assert codes(outcomes) == ["storage_unavailable", None]
    assert outcomes[0].upload is not None
    assert outcomes[0].upload.state == "aborted"
    assert bench.running == 0


@pytest.mark.parametrize("reason", ["client_gone", "stalled", "too_slow", "stopping"])
async def test_a_cut_ends_the_running_file_at_once_and_keeps_the_finished(
    reason: CutReason,
) -> None:
    bench = FormBench()
    form = ListedForm(Part("a.png"), Part("b.png", (BODY[:15], reason)), Part("c.png"))
    with pytest.raises(FormEnded) as ended:
        await bench.taking()(PNG, form)
    assert isinstance(ended.value.error, UploadCut)
    assert ended.value.error.code == reason
    states = [outcome.upload and outcome.upload.state for outcome in ended.value.files]
    assert states == ["verifying", "aborted"]
    assert bench.running == 0
    assert bench.store.multiparts.keys() == {"multipart-0"}
    assert not any(key.startswith("staging/") for key in bench.store.objects)


@pytest.mark.parametrize("parts", [(), (said("note", "b"), Part("", (), None))])
async def test_a_cut_between_files_begins_nothing(parts: tuple[Part, ...]) -> None:
    bench = FormBench()
    form = ListedForm(Part("a.png"), *parts, Part("b.png", ("stalled",)))
    with pytest.raises(FormEnded) as ended:
        await bench.taking()(PNG, form)
    assert codes(ended.value.files) == [None]
    assert len(bench.ledger.tables.uploads) == 1


@pytest.mark.parametrize("reason", ["stalled", "too_slow", "stopping"])
async def test_a_form_whose_file_was_cut_is_not_read_on_even_if_more_comes(
    reason: CutReason,
) -> None:
    bench = FormBench()
    form = Reviving(Part("a.png", (BODY[:15], reason)), Part("b.png", (BODY[1:],)))
    with pytest.raises(FormEnded) as ended:
        await bench.taking()(PNG, form)
    assert ended.value.error.code == reason
    assert codes(ended.value.files) == [reason]
    assert form.asked == 1
    assert len(bench.ledger.tables.uploads) == 1


async def test_a_file_that_another_request_took_over_is_left_to_that_one() -> None:
    bench = FormBench()
    outcomes = await bench.took(Part("a.png", (BODY[:15], "superseded")), Part("b.png"))
    assert codes(outcomes)[0] == "superseded"
    assert bench.running == 1


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        ([], "no_files"),
        ([Part("", (), None)], "no_files"),
        ([Part("a.png"), said("sha256", "00")], "field_without_file"),
        ([said("x", "y")] * 17, "too_many_fields"),
        ([Part("", (), None)] * 17, "too_many_fields"),
        ([said("x" * 65, "y")], "field_too_large"),
        ([Part("a.png")] * 4, "too_many_files"),
    ],
)
async def test_a_form_beyond_its_bounds_is_ended(parts: list[Part], code: str) -> None:
    bench = FormBench()
    with pytest.raises(FormEnded) as ended:
        await bench.taking(max_files=3)(PNG, ListedForm(*parts))
    assert ended.value.error.code == code
    assert len(ended.value.files) == min(3, sum(part.file_name == "a.png" for part in parts))


async def test_bytes_that_came_before_in_the_form_are_told_at_once() -> None:
    outcomes = await FormBench().took(Part("a.png"), Part("b.png", (BODY[1:],)), Part("c.png"))
    first, _, again = outcomes
    assert first.upload is not None
    assert [outcome.same_as for outcome in outcomes] == [None, None, first.upload.id]
    assert again.error is None


async def test_content_that_is_refused_is_announced_as_after_all_its_bytes() -> None:
    bench = FormBench(sniffer=KnownSniffer(frozenset()))
    [outcome] = await bench.took(Part("a.png"))
    assert codes([outcome]) == ["unrecognized_content"]
    assert outcome.upload is not None
    assert (outcome.upload.state, outcome.upload.reason) == ("rejected", "unrecognized_content")
    assert "rejected" in bench.ledger.types
    assert bench.store.multiparts == {}


async def test_a_store_for_everything_keeps_what_nobody_recognizes() -> None:
    bench = FormBench(sniffer=KnownSniffer(frozenset()), accept_any=True)
    assert codes(await bench.took(Part("a.png"))) == [None]


@pytest.mark.parametrize("value", ["\0", "a\0b"])
async def test_a_nul_in_what_is_said_costs_its_file_alone(value: str) -> None:
    outcomes = await FormBench().took(said("note", value), Part("a.png"), Part("b.png"))
    assert codes(outcomes) == ["invalid_metadata", None]
    assert isinstance(outcomes[0].error, RepriseError)
