"""`GET|HEAD /m/<key>?t=<token>`: from a request to the exact answer, without touching its bytes."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from common.clock import Clock
from common.ids import asset_of_key
from common.tokens import MediaToken, MediaTokens, Mode
from delivery.domain import byte_range, conditions
from delivery.domain.admission import admit
from delivery.domain.byte_range import ByteRange
from delivery.domain.conditions import Validators
from delivery.domain.errors import IndexTooOld, MediaNotFound, NotConfigured, NotYetIndexed
from delivery.domain.media import Asset, Entry, StoredMedia
from delivery.ports import ServingIndex

PATIENCE = 2.0  # seconds that a right token waits for its record (design §4)


@dataclass(frozen=True, slots=True)
class MediaRequest:
    """Header names are lower-case; repeated lines are joined by `, `."""

    key: str
    token: str | None
    method: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class MediaAnswer:
    """What to send: `ranges` is empty for the whole file and for answers without bytes of it."""

    status: int
    mode: Mode
    media: StoredMedia
    validators: Validators
    ranges: tuple[ByteRange, ...] = ()


@dataclass(frozen=True, slots=True)
class ServeMedia:
    """`tokens` None: no key ring is configured and nothing is served."""

    index: ServingIndex
    tokens: MediaTokens | None
    clock: Clock
    max_age: timedelta
    patience: float = PATIENCE

    async def __call__(self, request: MediaRequest) -> MediaAnswer:
        """The answer to a request.

        Raises TokenRestricted, TokenExpired, MediaGone, MediaNotFound, NotUnderstood,
        NotYetIndexed, IndexTooOld and NotConfigured.
        """
        if self.tokens is None:
            raise NotConfigured("no key ring is set", retry_after=60)
        token = self.tokens.verify(request.token, request.key, now=self.clock.now())
        asset_id = asset_of_key(request.key)
        if asset_id is None:
            raise MediaNotFound("there is no such media", shared=token.mode == "pub")
        if token.mode == "priv":
            await self._demand_fresh_index()
        entry = await self._entry(asset_id, token)
        return _answer(request, token, entry, admit(token, entry, request.key))

    async def _demand_fresh_index(self) -> None:
        until = self.clock.monotonic() + self.patience
        while (heard := self.index.fresh_until()) is None:
            # a node on its first start: the catalog speaks every second
            left = until - self.clock.monotonic()
            if left <= 0:
                break
            await self.index.changed(left)
        if heard is None or self.clock.now() - heard > self.max_age:
            raise IndexTooOld("permissions cannot be checked now", retry_after=5)

    async def _entry(self, asset_id: UUID, token: MediaToken) -> Entry:
        until = self.clock.monotonic() + self.patience
        while True:
            entry = self.index.entry(asset_id)
            behind = isinstance(entry, Asset) and entry.generation < token.generation
            if entry is not None and not behind:
                return entry
            left = until - self.clock.monotonic()
            if left <= 0:
                raise NotYetIndexed("this media is not known here yet", retry_after=1)
            await self.index.changed(left)


def _answer(
    request: MediaRequest, token: MediaToken, entry: Entry, media: StoredMedia
) -> MediaAnswer:
    validators = _validators(entry, media)
    outcome = conditions.evaluate(request.headers, validators)
    if outcome != "send":
        status = 304 if outcome == "not_modified" else 412
        return MediaAnswer(status, token.mode, media, validators)
    match _plan(request, validators, media.size):
        case byte_range.Partial(ranges):
            return MediaAnswer(206, token.mode, media, validators, ranges)
        case byte_range.Unsatisfiable():
            return MediaAnswer(416, token.mode, media, validators)
        case _:
            return MediaAnswer(200, token.mode, media, validators)


def _plan(request: MediaRequest, validators: Validators, size: int) -> byte_range.Plan:
    # ranges are defined for GET alone: a HEAD with Range is a whole 200 (RFC 9110 14.2)
    wanted = request.headers.get("range") if request.method == "GET" else None
    if wanted is None or not conditions.range_applies(request.headers.get("if-range"), validators):
        return byte_range.Whole()
    return byte_range.plan(wanted, size)


def _validators(entry: Entry, media: StoredMedia) -> Validators:
    stored_at = entry.stored_at if isinstance(entry, Asset) else None
    # keys are immutable, so any moment before the first answer is a true time of last change
    return Validators(media.etag, stored_at.replace(microsecond=0) if stored_at else None)
