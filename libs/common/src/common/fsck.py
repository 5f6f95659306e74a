"""What a service contributes to `reprise fsck`: checks of its own, and statements to compare.

No check reads another service's tables. What spans services is compared by the frame, from
statements: each service says what it holds of a subject (an asset, an event), in ascending order
of the subject, so that any number of them is compared in constant memory.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar


@dataclass(frozen=True, slots=True)
class Scope:
    """How a run looks.

    What changed within `age` is on its way and is judged by nobody: the one guard against false
    alarms in a system that works meanwhile. `step` counts what was looked at.
    """

    age: timedelta
    step: Callable[[], None] = lambda: None


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it must be. `detail` carries no names and no secrets."""

    subject: str
    detail: str


@dataclass(frozen=True, slots=True)
class Statement:
    """What one service says of one subject: a state, or a number as text."""

    subject: str
    said: str


Run = Callable[[Scope], AsyncIterator[Finding]]
Speak = Callable[[Scope], AsyncIterator[Statement]]


@dataclass(frozen=True, slots=True)
class Check:
    """One promise, looked at.

    `invariant` is its number in reliability.md §2; `name` is also the anchor in
    docs/runbooks/fsck.md. `run` yields what breaks it and raises Unavailable when it cannot look.
    """

    name: str
    invariant: str
    meaning: str
    run: Run


@dataclass(frozen=True, slots=True)
class CrossCheck:
    """A promise that spans services.

    `needs` names statements; `judge` gets one subject and what each of them says of it (None:
    nothing) and answers what is wrong, or None.
    """

    name: str
    invariant: str
    meaning: str
    needs: tuple[str, ...]
    judge: Callable[[tuple[str | None, ...]], str | None]


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one service brings. A statement's name is `<service>.<what>`."""

    service: str
    checks: tuple[Check, ...] = ()
    statements: Mapping[str, Speak] = field(default_factory=dict)


Place = TypeVar("Place", int, str)


async def side_by_side(
    streams: Sequence[AsyncIterator[tuple[Place, Any]]],
) -> AsyncIterator[tuple[Place, tuple[Any, ...]]]:
    """Each place once, in ascending order, with what every stream has there (None: nothing).

    The streams come in ascending order of their places; of a place that one repeats, the first
    counts. One item of each is held at a time.
    """
    heads = [await anext(stream, None) for stream in streams]
    while waiting := [head[0] for head in heads if head is not None]:
        place = min(waiting)
        here = [head[1] if head is not None and head[0] == place else None for head in heads]
        yield place, tuple(here)
        for number, stream in enumerate(streams):
            while (head := heads[number]) is not None and head[0] == place:
                heads[number] = await anext(stream, None)
