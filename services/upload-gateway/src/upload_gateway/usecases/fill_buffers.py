"""One body on its way into buffers, and what each of them took."""

from dataclasses import dataclass

from upload_gateway.domain.intake import Intake
from upload_gateway.domain.part_plan import PartPlan
from upload_gateway.domain.upload import Upload
from upload_gateway.ports.body import Body, BodyCut, CutReason
from upload_gateway.ports.buffers import BufferLease, BufferWanted
from upload_gateway.ports.writers import Writer
from upload_gateway.usecases.store_part import Sending


@dataclass(frozen=True, slots=True)
class Filling:
    """What one buffer took: `head..fill` of part `number` is new, what is before is staged.

    `wanted`: it was ended by somebody who waits for the buffer, and the body goes on. `sent`: all
    of it is on its way to the store.
    """

    number: int
    buffer: memoryview
    head: int
    fill: int
    cut: CutReason | None = None
    wanted: BufferWanted | None = None
    sent: Sending | None = None

    @property
    def fresh(self) -> memoryview:
        return self.buffer[self.head : self.fill]

    def completes(self, plan: PartPlan) -> bool:
        return self.fill == plan.size_of(self.number)


@dataclass(frozen=True, slots=True)
class Request:
    """One body on its way in, and what its writer has in hands."""

    body: Body
    writer: Writer
    lease: BufferLease
    intake: Intake
    closes: bool = False

    async def filled(self, upload: Upload, offset: int, buffer: memoryview) -> Filling:
        """Fill a buffer from `offset` until its part is full.

        Or the body ends, or the writer is cut, or somebody wants the buffer of a slow client.
        """
        plan = upload.plan
        number = plan.number_at(offset)
        head = fill = offset - plan.start_of(number)
        size = plan.size_of(number)
        try:
            async with self.writer.reading(), self.lease.filling() as took:
                while fill < size and (got := await self.body.read_into(buffer[fill:size])):
                    fill += got
                    took(got)
                    self.writer.progressed(got)
        except BufferWanted as wanted:
            return Filling(number, buffer, head, fill, wanted=None if fill == size else wanted)
        except BodyCut as error:
            return Filling(number, buffer, head, fill, error.reason)
        return Filling(number, buffer, head, fill)

    async def poured(self, view: memoryview) -> tuple[int, CutReason | None]:
        """Fill a view of nobody's pool; how much, and what cut it."""
        fill = 0
        try:
            async with self.writer.reading():
                while fill < len(view) and (got := await self.body.read_into(view[fill:])):
                    fill += got
                    self.writer.progressed(got)
        except BodyCut as error:
            return fill, error.reason
        return fill, None

    async def regained(self) -> CutReason | None:
        """Wait in line for a buffer; what cut the writer meanwhile."""
        try:
            async with self.writer.waiting():
                await self.lease.regain()
        except BodyCut as error:
            return error.reason
        return None
