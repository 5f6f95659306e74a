"""The use cases put together on fakes, with parts small enough to be read in a failure."""

from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from common.ids import UserId
from common.testing.clock import ManualClock
from common.tokens import KeyRing, Receipts
from gateway_support.fakes import (
    KnownCapabilities,
    KnownSniffer,
    ListedBody,
    MemoryLedger,
    MemoryPace,
    MemoryPresence,
    MemoryStore,
    MemoryTicket,
    NumberedUrls,
)
from upload_gateway.adapters.asyncio_writers import AsyncioWriters
from upload_gateway.adapters.memory_buffers import MemoryBuffers
from upload_gateway.adapters.memory_digests import MemoryDigests
from upload_gateway.domain.birth import NewUpload, Terms
from upload_gateway.domain.checksum import BodyChecksum
from upload_gateway.domain.kinds import Role
from upload_gateway.domain.limits import Ceiling, Limits, Sizes
from upload_gateway.domain.upload import Upload
from upload_gateway.ports.body import CutReason
from upload_gateway.usecases.acknowledge_bytes import AcknowledgeBytes
from upload_gateway.usecases.admit_upload import AdmitUpload
from upload_gateway.usecases.append_bytes import Append, AppendBytes
from upload_gateway.usecases.build_final import BuildFinal
from upload_gateway.usecases.clear_upload import ClearUpload
from upload_gateway.usecases.commit_upload import CommitUpload
from upload_gateway.usecases.complete_object import CompleteObject
from upload_gateway.usecases.concatenate_uploads import ConcatenateUploads
from upload_gateway.usecases.create_upload import CreateUpload
from upload_gateway.usecases.describe_upload import DescribeUpload
from upload_gateway.usecases.end_upload import EndUpload
from upload_gateway.usecases.expire_uploads import ExpireUploads
from upload_gateway.usecases.find_upload import FindUpload
from upload_gateway.usecases.follow_asset import FollowAsset
from upload_gateway.usecases.forget_name import ForgetName
from upload_gateway.usecases.give_up_upload import GiveUpUpload
from upload_gateway.usecases.judge_content import JudgeContent
from upload_gateway.usecases.list_uploads import ListUploads
from upload_gateway.usecases.mark_duplicate import MarkDuplicate
from upload_gateway.usecases.read_back import ReadBack
from upload_gateway.usecases.receive_parts import ReceiveParts
from upload_gateway.usecases.retry_stranded import RetryStranded
from upload_gateway.usecases.sign_parts import SignParts
from upload_gateway.usecases.sign_upload import SignUpload
from upload_gateway.usecases.stage_tail import StageTail
from upload_gateway.usecases.store_part import StorePart
from upload_gateway.usecases.strand_upload import StrandUpload
from upload_gateway.usecases.verify_upload import VerifyUpload

PART = 10
EXPIRY = 100
LATE = timedelta(seconds=50)
WIDE = Ceiling(1000, 1000, 1_000_000)
OWNER = UserId(UUID(int=1))
STRANGER = UserId(UUID(int=2))


@dataclass
class Bench:
    """One gateway in memory."""

    ledger: MemoryLedger = field(default_factory=MemoryLedger)
    store: MemoryStore = field(default_factory=MemoryStore)
    clock: ManualClock = field(default_factory=ManualClock)
    sniffer: KnownSniffer = field(default_factory=KnownSniffer)
    limits: Limits = field(default_factory=lambda: Limits(WIDE, WIDE))
    pace: MemoryPace = field(default_factory=MemoryPace)
    capabilities: KnownCapabilities = field(default_factory=KnownCapabilities)
    signer: NumberedUrls = field(default_factory=NumberedUrls)
    buffers: MemoryBuffers = field(
        default_factory=lambda: MemoryBuffers(count=2, size=PART, patience=0.05)
    )

    def __post_init__(self) -> None:
        self.writers = AsyncioWriters(stall=1, patience=1)
        self.presence = MemoryPresence(self.ledger)
        self.restart()
        self.create = CreateUpload(
            self.ledger,
            self.store,
            AdmitUpload(self.limits),
            self.pace,
            self.clock,
            Sizes(1000),
            PART,
            EXPIRY,
        )
        self.concatenate = ConcatenateUploads(
            self.ledger, self.store, self.pace, self.clock, Terms(Sizes(1000), PART, EXPIRY)
        )
        self.find = FindUpload(self.ledger, self.writers, self.presence)
        self.clear = ClearUpload(self.ledger, self.store, self.store, self.clock, LATE)
        self.end = EndUpload(self.ledger, self.writers, self.presence, self.clear, self.clock)
        self.expire = ExpireUploads(self.ledger, self.clear, self.clock, timedelta(seconds=1))
        self.verify = VerifyUpload(
            self.ledger,
            self.store,
            CompleteObject(self.store),
            ReadBack(self.store),
            BuildFinal(self.ledger, self.store, CompleteObject(self.store), ReadBack(self.store)),
            JudgeContent(self.store, self.sniffer),
            self.clock,
        )
        self.give_up = GiveUpUpload(self.ledger, self.clock)
        self.strand = StrandUpload(self.ledger)
        self.retry = RetryStranded(self.ledger)
        self.mark_duplicate = MarkDuplicate(self.ledger)
        self.follow = FollowAsset(self.ledger)
        self.forget_name = ForgetName(self.ledger, self.clock)
        self.list = ListUploads(self.ledger)
        receipts = Receipts(KeyRing.parse("k1:tests-only"))
        self.describe = DescribeUpload(self.ledger, self.store, receipts, self.clock)
        self._past_the_gateway()

    def _past_the_gateway(self) -> None:
        self.sign = SignUpload(self.create, self.store, self.capabilities, self.signer, self.clock)
        self.sign_parts = SignParts(
            self.ledger, self.store, self.capabilities, self.signer, self.clock, EXPIRY
        )
        self.commit = CommitUpload(
            self.ledger, self.store, JudgeContent(self.store, self.sniffer), self.clear, self.clock
        )

    def restart(self) -> None:
        """Forget what a process forgets."""
        acknowledge = AcknowledgeBytes(self.ledger, AdmitUpload(self.limits), self.clock, EXPIRY)
        receive = ReceiveParts(
            StorePart(acknowledge, self.ledger, self.store, self.store),
            StageTail(acknowledge, self.store),
            acknowledge,
            MemoryDigests(),
            piece=3,
        )
        self.append = AppendBytes(
            self.ledger,
            self.writers,
            self.presence,
            self.buffers,
            AdmitUpload(self.limits),
            receive,
        )

    async def created(
        self, length: int | None, *, role: Role = "admin", owner: UserId = OWNER, **metadata: str
    ) -> Upload:
        named = metadata or {"filename": "set.flac", "filetype": "audio/flac"}
        return await self.create(NewUpload(owner, role, length, "", named))

    async def sent(
        self,
        upload: Upload,
        offset: int,
        *chunks: bytes | CutReason,
        length: int | None = None,
        checksum: BodyChecksum | None = None,
    ) -> Upload:
        wanted = Append(upload.id, OWNER, offset, None, length, checksum, role="admin")
        return await self.append(wanted, ListedBody(*chunks))

    async def verified(self, upload: Upload) -> Upload:
        return await self.verify(upload.id, MemoryTicket(upload.asset_id))
