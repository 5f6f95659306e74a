"""One question to a store: what is asked, how much hangs on the answer, and the answer."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from botocore.exceptions import ClientError

from common.s3.failures import code_of
from common.s3.probe.probing import Probing

Weight = Literal["required", "optional", "reported"]
"""required: the platform does not work without it. optional: a capability that switches a feature.
reported: a behaviour worth knowing that nothing depends on."""


class Fails(Exception):
    """The store does not do this; the text says what it did instead."""


@dataclass(frozen=True, slots=True)
class Line:
    """`name` is stable: capabilities are stored under it. `meaning` is for the table."""

    name: str
    weight: Weight
    meaning: str
    ask: Callable[[Probing], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of a line; `detail` never holds a URL or a secret. Seconds it took."""

    line: Line
    works: bool
    detail: str
    seconds: float

    @property
    def harmless(self) -> bool:
        return self.works or self.line.weight != "required"


def demand(holds: object, instead: str) -> None:
    """Raise Fails unless it holds."""
    if not holds:
        raise Fails(instead)


def refusal(error: ClientError, *statuses: int) -> str:
    """The store's code for a refusal of one of these statuses; any other is none of what was asked.

    A store that answers NotImplemented, or is down, has not compared anything.
    """
    status = error.response["ResponseMetadata"]["HTTPStatusCode"]
    code = code_of(error)
    demand(status in statuses, f"{status} {code}")
    return code
