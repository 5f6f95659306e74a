"""Records that no service of ours wrote, about uploads that never were, and what came of them."""

import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from tests.faults.raw_log import Planted, partition_of, plant

from common.clock import SystemClock
from common.events import Message, UploadAborted, UploadStarted, UploadWithdrawn, new_message
from common.events.topics import UPLOAD_GATEWAY, UPLOADS
from common.events.v1.uploads import UploadFact
from common.ids import new_asset_id, new_upload_id, original_key
from devstack.stack import Stack


@dataclass
class Foreigner:
    """Writes into the topic of uploads; `keys` are all that it ever wrote under."""

    stack: Stack
    keys: list[str] = field(default_factory=list)

    def key(self, partition: int | None = None) -> str:
        """The key of an asset that never was, in this partition if one is asked for."""
        while True:
            key = str(new_asset_id())
            if partition in {None, partition_of(UPLOADS, key)}:
                self.keys.append(key)
                return key

    def write(self, *records: Planted) -> None:
        for record in records:
            plant(
                self.stack.env["REPRISE_KAFKA_BOOTSTRAP"],
                UPLOADS,
                partition_of(UPLOADS, record.key),
                [record],
            )


def started(key: str, **headers: bytes) -> Planted:
    """A sound first fact of an upload, with headers of somebody else's."""
    fact = UploadStarted(**_who(key), key=original_key(UUID(key), "jpg"))  # type: ignore[arg-type]
    return _planted(fact, key, 1, headers)


def aborted(key: str) -> Planted:
    """A sound second fact, which nobody can take before the first."""
    return _planted(UploadAborted(**_who(key)), key, 2, {})


def withdrawn(key: str, sequence: int) -> Planted:
    """One of an upload's later facts."""
    return _planted(UploadWithdrawn(**_who(key)), key, sequence, {})


def unreadable(key: str) -> Planted:
    """Our envelope around something that is no JSON."""
    sound = started(key)
    return Planted(key, b'{"asset_id": ', sound.headers)


def nameless(key: str) -> Planted:
    """Sound but for its id, which is no text."""
    sound = started(key)
    headers = [(n, b"\xff\xfe\x00" if n == "ce_id" else value) for n, value in sound.headers]
    return Planted(key, sound.value, tuple(headers))


def reprise(stack: Stack, *arguments: str, **settings: str) -> str:
    """Run the operator's command as an operator does, with these settings beside the stack's."""
    program = Path(sys.executable).parent / "reprise"
    done = subprocess.run(
        [program, *arguments],
        env={"PATH": "/usr/bin:/bin", "USER": "operator", **stack.environment("setup"), **settings},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _who(key: str) -> dict[str, object]:
    return {
        "asset_id": UUID(key),
        "upload_id": new_upload_id(),
        "user_id": UUID(int=7),
        "kind": "image",
    }


def _planted(fact: UploadFact, key: str, sequence: int, headers: dict[str, bytes]) -> Planted:
    message: Message = new_message(
        fact, source=UPLOAD_GATEWAY, key=key, sequence=sequence, clock=SystemClock()
    )
    own = tuple((name, value or b"") for name, value in message.headers())
    return Planted(key, message.payload or b"", (*own, *headers.items()))
