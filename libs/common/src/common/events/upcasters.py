"""How records of retired types are read for ever: each is lifted to the type that replaced it.

A change that is not additive is a new type. The old model goes, its goldens stay, and one line here
says how its value becomes a value of the next type; chains are followed to the end. Readers never
see the old type, only that `envelope.type` still says what was written.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from common.errors import Corrupt

Upcast = Callable[[dict[str, Any]], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Retired:
    """What became of a type.

    `upcast` is pure: the value as parsed from JSON in, a value that the next model accepts out. It
    invents nothing that readers would take for a fact; what an old record does not say is a default
    of the new model.
    """

    becomes: str
    upcast: Upcast


# old type -> what replaced it; lines are only ever added
RETIRED: Mapping[str, Retired] = {}


def upcast(
    type: str,  # noqa: A002
    value: Any,
    retired: Mapping[str, Retired] = RETIRED,
) -> tuple[str, Any]:
    """The last type of the chain and the value as that type has it.

    Raises Corrupt (`bad_payload`) for a value that never was one of the retired type's.
    """
    for _ in range(len(retired) + 1):
        step = retired.get(type)
        if step is None:
            return type, value
        try:
            value = step.upcast(value)
        except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
            # the error's own text would repeat the input
            raise Corrupt(f"{type}: no value of this type", code="bad_payload") from error
        type = step.becomes  # noqa: A001
    raise RuntimeError(f"the upcasters of {type} go round in a circle")


def last_type(type: str, retired: Mapping[str, Retired] = RETIRED) -> str:  # noqa: A002
    """What records of this type are read as."""
    for _ in retired:
        if type in retired:
            type = retired[type].becomes  # noqa: A001
    return type
