"""Which walls are put up, proven before the first hostile byte."""

from pathlib import Path

from transcoder.adapters.bwrap_sandbox import BwrapSandbox
from transcoder.adapters.container_sandbox import ContainerSandbox, hide_environment
from transcoder.adapters.sandbox import Level, Mounts, Sandbox, SandboxUnavailable
from transcoder.domain.budget import PROBE


async def open_sandbox(level: Level, ffmpeg: str) -> tuple[Sandbox, str]:
    """The sandbox that was asked for, proven by running the encoder in it.

    And the encoder's version.

    Raises SandboxUnavailable; there is no level below and no way to go on without.
    """
    sandbox: Sandbox = BwrapSandbox()
    if level == "container":
        container = ContainerSandbox()
        container.require_walls()
        hide_environment()
        sandbox = container
    mounts = Mounts(source=Path("/dev/null"))
    outcome = await sandbox.run([ffmpeg, "-hide_banner", "-version"], mounts, PROBE)
    if outcome.status != 0:
        raise SandboxUnavailable(f"the encoder does not start in the sandbox: {outcome.stderr}")
    return sandbox, outcome.stdout.decode("utf-8", "replace").split(" ", 3)[2]
