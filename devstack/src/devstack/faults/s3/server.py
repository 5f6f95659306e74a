"""An S3 server that checks every signature and does wrong exactly what it is told to."""

import asyncio
import ssl
import threading
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from devstack.faults.s3.behaviour import Behaviour, Call, Fault, Offers
from devstack.faults.s3.errors import Refused
from devstack.faults.s3.handling import Handling
from devstack.faults.s3.shelf import Shelf
from devstack.faults.s3.signature import SignatureCheck
from devstack.local_place import LOOPBACK


class FaultyS3:
    """One bucket of any name, in `folder`, on a free port of the loopback, in its own thread.

    Path style only. Without faults it is a correct, strict store: `reprise doctor s3` and the
    object store suite pass on it. All methods may be called from the test's thread at any time.
    """

    def __init__(
        self,
        folder: Path,
        access_key: str,
        secret_key: str,
        *,
        region: str = "us-east-1",
        offers: Offers | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._shelf, self._behaviour = Shelf(folder), Behaviour(offers or Offers())
        check = SignatureCheck(access_key, secret_key, region)
        self._handling, self._tls = Handling(self._shelf, check, self._behaviour), tls
        self._access = {
            "MEDIA_S3_REGION": region,
            "MEDIA_S3_ACCESS_KEY_ID": access_key,
            "MEDIA_S3_SECRET_ACCESS_KEY": secret_key,
        }
        self._started, self._ended = threading.Event(), asyncio.Event()
        self._thread = threading.Thread(target=asyncio.run, args=[self._serve()], daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._started.wait()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.heal()
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join()

    @property
    def endpoint(self) -> str:
        """The address for clients."""
        return f"{'https' if self._tls else 'http'}://{LOOPBACK}:{self._port}"

    @property
    def environment(self) -> dict[str, str]:
        """What a process is told that shall keep its objects here."""
        return {"MEDIA_S3_ENDPOINT": self.endpoint, **self._access}

    @property
    def calls(self) -> list[Call]:
        """Every request since the start, as it came over the wire."""
        return list(self._behaviour.calls)

    @property
    def keys(self) -> list[str]:
        """Every object there is, lost ones too."""
        return sorted(self._shelf.objects)

    @property
    def open_multiparts(self) -> list[str]:
        """The keys of uploads in parts that nobody completed or aborted."""
        return sorted(item.key for item in self._shelf.multiparts.values())

    @property
    def hanging(self) -> int:
        """Requests that wait to be healed."""
        return self._behaviour.hanging

    def offer(self, **changes: bool) -> None:
        """Switch capabilities on or off by the names of `Offers`."""
        self._behaviour.offers = replace(self._behaviour.offers, **changes)

    def fail(
        self, operation: str, *, status: int = 503, code: str = "SlowDown", **when: Any
    ) -> None:
        """Answer with an error. `when`: times, key, part, delay (see `Fault`)."""
        self._behaviour.add(Fault(operation, refused=Refused(status, code), **when))

    def delay(self, operation: str, seconds: float, **when: Any) -> None:
        """Answer late."""
        self._behaviour.add(Fault(operation, delay=seconds, **when))

    def hang(self, operation: str, **when: Any) -> None:
        """Accept, and answer nothing until healed."""
        self._behaviour.add(Fault(operation, hang=True, **when))

    def cut_request(self, operation: str, at: int, **when: Any) -> None:
        """Reset the connection after `at` bytes of the request's body; nothing is kept."""
        self._behaviour.add(Fault(operation, cut_request=at, **when))

    def cut_answer(self, operation: str, at: int, **when: Any) -> None:
        """Reset the connection after `at` bytes of the answer's body."""
        self._behaviour.add(Fault(operation, cut_answer=at, **when))

    def reset_after(self, operation: str, **when: Any) -> None:
        """Do the work, then reset the connection instead of answering."""
        self._behaviour.add(Fault(operation, reset_after=True, **when))

    def shorten(self, operation: str, to: int, **when: Any) -> None:
        """End a listing after `to` entries as if there were no more."""
        self._behaviour.add(Fault(operation, short=to, **when))

    def lose(self, key: str) -> None:
        """Accepted, acknowledged and gone: reads and listings no longer find the object."""
        self._behaviour.lost.add(key)

    def heal(self) -> None:
        """Forget all faults; requests that hang are answered. Lost objects stay lost."""
        for event in self._behaviour.clear():
            self._loop.call_soon_threadsafe(event.set)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        app = web.Application(client_max_size=16 * 1024 * 1024)
        app.router.add_route("*", "/{any:.*}", self._handling.answer)
        runner = web.AppRunner(
            app,
            access_log=None,
            auto_decompress=False,
            shutdown_timeout=0.1,
        )
        await runner.setup()
        site = web.TCPSite(runner, LOOPBACK, 0, ssl_context=self._tls)
        await site.start()
        self._port = int(runner.addresses[0][1])
        self._started.set()
        await self._ended.wait()
        await runner.cleanup()
