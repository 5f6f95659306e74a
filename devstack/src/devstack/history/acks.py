"""An append-only file of what clients were told, one JSON object a line.

What a client must be able to rely on is decided here, by the client: a line is written only after
its answer has arrived whole. `what` is one of WHATS.
"""

import json
import threading
from dataclasses import asdict
from pathlib import Path
from typing import Literal

from common.clock import Clock, SystemClock
from devstack.errors import DevstackError
from devstack.history.model import Ack

What = Literal[
    "upload.created",  # 201: the upload has an address; needs upload_id
    "upload.progress",  # 204: `offset` bytes of it are kept; needs upload_id
    "upload.stored",  # its status said stored; needs upload_id, asset_id
    "asset.deleted",  # the delete was answered; needs asset_id
    "asset.restored",  # the restore was answered; needs asset_id
]
WHATS = ("upload.created", "upload.progress", "upload.stored", "asset.deleted", "asset.restored")


class Acks:
    """Records acknowledgements from any thread of one client."""

    def __init__(self, path: Path, clock: Clock | None = None) -> None:
        self._path, self._clock, self._lock = path, clock or SystemClock(), threading.Lock()

    def record(
        self,
        what: What,
        *,
        upload_id: str | None = None,
        asset_id: str | None = None,
        offset: int | None = None,
    ) -> None:
        """Append one line, in one write."""
        ack = Ack(self._clock.now().timestamp(), what, upload_id, asset_id, offset)
        known = {name: value for name, value in asdict(ack).items() if value is not None}
        with self._lock, self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(known) + "\n")


def read_acks(path: Path) -> tuple[Ack, ...]:
    """Every acknowledgement of the file, in order."""
    lines = path.read_text(encoding="utf-8").splitlines()
    acks = tuple(Ack(**json.loads(line)) for line in lines if line)
    unknown = {ack.what for ack in acks} - set(WHATS)
    if unknown:
        raise DevstackError(f"{path}: unknown acknowledgements {', '.join(sorted(unknown))}")
    return acks
