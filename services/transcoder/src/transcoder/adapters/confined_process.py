"""One child process from an argument list: bounded output, a wall-clock end, and no survivor."""

import asyncio
import os
import signal
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from common.failpoints import failpoint

_STDOUT_LIMIT = 4 * 1024 * 1024
_STDERR_TAIL = 8 * 1024
_CHUNK = 64 * 1024


@dataclass(frozen=True, slots=True)
class Outcome:
    """`status` as a shell would say it (128 + signal); `timed_out` when the wall clock ended it."""

    status: int
    stdout: bytes
    stderr: str
    timed_out: bool = False


async def run_process(argv: list[str], *, environment: Mapping[str, str], wall: float) -> Outcome:
    """Run in a session of its own and wait.

    Killed with its whole group on time-out, cancellation and any error.
    """
    process = await asyncio.create_subprocess_exec(
        *argv,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=dict(environment),
        start_new_session=True,
    )
    assert process.stdout is not None  # noqa: S101 (both were asked for)
    assert process.stderr is not None  # noqa: S101
    timed_out = False
    head, tail = bytearray(), bytearray()
    try:
        await failpoint("transcoder.tool_running")
        async with asyncio.timeout(wall):
            await asyncio.gather(_head(process.stdout, head), _tail(process.stderr, tail))
            await process.wait()
    except TimeoutError:
        timed_out = True
    finally:
        await _end(process)
    status = process.returncode if process.returncode is not None else -signal.SIGKILL
    return Outcome(
        status=status if status >= 0 else 128 - status,
        stdout=bytes(head),
        stderr=tail.decode("utf-8", "replace"),
        timed_out=timed_out,
    )


async def _end(process: asyncio.subprocess.Process) -> None:
    # also when it ended by itself: what it started and left behind is of its group
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    await asyncio.shield(process.wait())


async def _head(stream: asyncio.StreamReader, into: bytearray) -> None:
    while chunk := await stream.read(_CHUNK):
        into += chunk[: max(0, _STDOUT_LIMIT - len(into))]


async def _tail(stream: asyncio.StreamReader, into: bytearray) -> None:
    while chunk := await stream.read(_CHUNK):
        into += chunk
        del into[:-_STDERR_TAIL]
