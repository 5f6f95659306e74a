"""Accept an upload or refuse it before a byte is read; its ids and key are born here."""

from dataclasses import dataclass

from common.clock import Clock
from common.failpoints import failpoint
from common.ids import UserId, new_asset_id, new_upload_id, original_key
from upload_gateway.domain.acceptance import Acceptance, Claim, accepted, likely_format
from upload_gateway.domain.facts import NAMES, TYPES, announced, carried, named, started
from upload_gateway.domain.file_names import presentable
from upload_gateway.domain.formats import NAMINGS, extension_of
from upload_gateway.domain.kinds import Role
from upload_gateway.domain.limits import Asking, Sizes
from upload_gateway.domain.upload import Upload, expiry_after
from upload_gateway.ports import Ledger, Pace, PartStore, Transaction
from upload_gateway.usecases.admit_upload import AdmitUpload


@dataclass(frozen=True, slots=True)
class NewUpload:
    """What a client asks for. `header` is its metadata as sent, `metadata` the same decoded.

    `length` is None when the client will say it with a later request. `paced` is False for a
    further file of a request that was counted with its first one.
    """

    user_id: UserId
    role: Role
    length: int | None
    header: str
    metadata: dict[str, str]
    paced: bool = True


@dataclass(frozen=True, slots=True)
class CreateUpload:
    """`part_size` holds for the upload's whole life; `expiry` is seconds without progress."""

    ledger: Ledger
    store: PartStore
    admit: AdmitUpload
    pace: Pace
    clock: Clock
    sizes: Sizes
    part_size: int
    expiry: int

    async def __call__(self, new: NewUpload) -> Upload:
        """The new upload, with a slot.

        Raises TypeNotAllowed, KindForbidden, OverLimit or Unavailable, and what limits raise:
        RateLimited, TooManyUploads, BytesInFlightExceeded, QuotaExceeded. Nothing is left of it.
        """
        self.store.require()
        if new.paced:
            await self.pace.request(new.user_id)
        name = presentable(_first(new.metadata, NAMES))
        declared = _first(new.metadata, TYPES)
        claim = Claim(new.metadata.get("kind"), declared, extension_of(name), new.length)
        upload = self._born(new, accepted(claim, new.role, self.sizes), name, declared)
        async with self.ledger.change() as tx:
            await self.admit(tx, Asking(new.user_id, new.length))
            await tx.add(upload)
            await tx.hold(upload.id)
            await self._announce(tx, upload, new.metadata)
            await failpoint("gateway.before_intent")
        await failpoint("gateway.after_intent")
        return upload

    def _born(
        self, new: NewUpload, taken: Acceptance, name: str | None, declared: str | None
    ) -> Upload:
        now = self.clock.now()
        asset_id = new_asset_id()
        likely = likely_format(taken.kind, declared, extension_of(name))
        upload = Upload(
            id=new_upload_id(),
            asset_id=asset_id,
            user_id=new.user_id,
            kind=taken.kind,
            key=original_key(asset_id, NAMINGS[likely].extension if likely else "bin"),
            length=new.length,
            max_length=taken.limit,
            part_size=self.part_size,
            created_at=now,
            expires_at=expiry_after(now, self.expiry),
            file_name=name,
            declared_type=declared,
            metadata=new.header,
            sequence=1,
            details_sequence=1 if name is not None else 0,
        )
        # nothing more will come for an empty file, so nobody else would move it on
        return upload.verifying(None) if upload.whole else upload

    async def _announce(self, tx: Transaction, upload: Upload, metadata: dict[str, str]) -> None:
        await tx.publish(announced(upload, started(upload), self.clock))
        if upload.file_name is not None:
            await tx.publish(named(upload, carried(metadata), self.clock))
        if upload.whole:
            await tx.enqueue_verify(upload)


def _first(metadata: dict[str, str], names: tuple[str, ...]) -> str | None:
    return next((metadata[name] for name in names if metadata.get(name)), None)
