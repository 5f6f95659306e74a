import asyncio
import time
from collections.abc import Callable

import pytest
from gateway_support import forms
from prometheus_client import CollectorRegistry, Counter
from starlette.requests import Request
from starlette.types import Message

from common.errors import RepriseError
from upload_gateway.adapters.asyncio_writers import AsyncioWriters
from upload_gateway.ports.body import BodyCut
from upload_gateway.ports.writers import Writer
from upload_gateway.routes.form_parts import FormParts

TWO = forms.file("a.png", b"first file") + forms.field("note", "b") + forms.file("c.png", b"last")


class Wire:
    """What a server would hand over, message by message; it waits where a test says so."""

    def __init__(self, *chunks: bytes, gone: bool = False) -> None:
        self._messages: list[Message] = [
            {"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks
        ]
        if gone:
            self._messages.append({"type": "http.disconnect"})
        else:
            self._messages.append({"type": "http.request", "body": b"", "more_body": False})
        self.open = asyncio.Event()
        self.open.set()

    async def __call__(self) -> Message:
        await self.open.wait()
        return self._messages.pop(0)


def parts(
    wire: Wire, limit: int = 1 << 20, stall: float = 5, watch: Writer | None = None
) -> FormParts:
    headers = [(b"content-type", forms.TYPE["Content-Type"].encode())]
    request = Request({"type": "http", "headers": headers}, wire)
    counter = Counter("received", "Bytes.", registry=CollectorRegistry())
    with AsyncioWriters(stall=stall).attending() as own:
        return FormParts(request, watch or own, counter, limit)


async def read(form: FormParts, piece: int = 3) -> bytes:
    view, found = memoryview(bytearray(piece)), b""
    while got := await form.read_into(view):
        found += bytes(view[:got])
    return found


async def read_all(form: FormParts) -> None:
    while await form.following():
        await form.opening(1 << 16)


@pytest.mark.parametrize("size", [1, 7, 1000])
async def test_parts_come_one_after_the_other_however_they_arrive(size: int) -> None:
    body = TWO + forms.END
    form = parts(Wire(*(body[at : at + size] for at in range(0, len(body), size))))
    first = await form.following()
    assert first is not None
    assert first.file_name == "a.png"
    assert await form.opening(5) == b"first"
    assert await form.opening(64) == b"first file"
    assert await read(form) == b"first file"
    assert await form.read_into(memoryview(bytearray(9))) == 0
    note = await form.following()
    assert note is not None
    assert (note.name, note.file_name, await form.text()) == ("note", None, "b")
    assert await form.following() is not None
    assert await form.following() is None
    assert await form.following() is None


async def test_what_nobody_reads_is_dropped() -> None:
    form = parts(Wire(TWO, forms.END))
    heads = [await form.following() for _ in range(4)]
    assert [head and head.name for head in heads] == ["file", "note", "file", None]


@pytest.mark.parametrize(
    ("wire", "code"),
    [
        (lambda: Wire(TWO), "form_incomplete"),
        (lambda: Wire(TWO, gone=True), "client_gone"),
        (lambda: Wire(forms.head("a"), bytes(2000), forms.END), "form_too_large"),
        (lambda: Wire(b"no form"), "malformed_form"),
    ],
)
async def test_a_form_that_ends_badly_says_so_again_and_again(
    wire: Callable[[], Wire], code: str
) -> None:
    form = parts(wire(), limit=1000)
    for _ in range(3):
        with pytest.raises((BodyCut, RepriseError)) as ended:
            await read_all(form)
        assert code in {getattr(ended.value, name, None) for name in ("reason", "code")}


async def test_a_field_has_a_bounded_size() -> None:
    form = parts(Wire(forms.field("a", "b" * 1025), forms.END))
    await form.following()
    with pytest.raises(RepriseError) as refused:
        await form.text()
    assert refused.value.code == "field_too_large"


async def test_a_file_that_arrives_byte_by_byte_costs_no_more_the_more_of_it_is_there() -> None:
    size = 1 << 14
    wire = Wire(forms.head("a.png"), *[b"x"] * size)
    form = parts(wire)
    await form.following()
    began = time.process_time()
    assert len(await form.opening(size)) == size
    # adding up anew with each byte takes 5 s and more; this, some tenths
    assert time.process_time() - began < 2.5


async def test_a_silent_client_is_cut_and_stays_cut() -> None:
    wire = Wire(TWO)
    form = parts(wire, stall=0.05)
    wire.open.clear()
    for _ in range(2):
        with pytest.raises(BodyCut) as cut:
            await form.following()
        assert cut.value.reason == "stalled"


async def test_a_stop_ends_the_reading_between_two_files() -> None:
    writers, wire = AsyncioWriters(stall=5), Wire(TWO)
    with writers.attending() as watch:
        form = parts(wire, watch=watch)
        await form.following()
        wire.open.clear()
        reading = asyncio.ensure_future(read_all(form))
        await asyncio.sleep(0)
        writers.stop()
        with pytest.raises(BodyCut) as cut:
            await reading
    assert cut.value.reason == "stopping"
    with writers.attending() as late, pytest.raises(BodyCut) as cut:
        await parts(Wire(TWO), watch=late).following()
    assert cut.value.reason == "stopping"


async def test_a_read_that_was_cancelled_loses_nothing() -> None:
    wire = Wire(TWO, forms.END)
    form = parts(wire)
    await form.following()
    await form.following()
    await form.following()
    assert await read(form) == b"last"
    wire.open.clear()
    waiting = asyncio.ensure_future(form.following())
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    wire.open.set()
    assert await form.following() is None
