"""Reads a YAML mapping key by key, so that an error names the key and a stray key is an error."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from devstack.errors import TopologyError

T = TypeVar("T", bound=str)


class Section:
    """One mapping of the file. Take what is known, then call `done`: leftovers are refused."""

    def __init__(self, where: str, values: object) -> None:
        if not isinstance(values, Mapping):
            raise TopologyError(f"{where}: a mapping is wanted, not {values!r}")
        self._where = where
        self._left: dict[str, Any] = {str(k): v for k, v in values.items()}
        self._known: list[str] = []

    def text(self, key: str, default: str | None = None) -> str:
        value = self._take(key, default)
        if not isinstance(value, str):
            raise TopologyError(f"{self.at(key)}: text is wanted, not {value!r} (quote it)")
        return value

    def maybe_text(self, key: str) -> str | None:
        self._known.append(key)
        return self.text(key) if key in self._left else None

    def choice(self, key: str, allowed: Sequence[T], default: T | None = None) -> T:
        value = self.text(key, default)
        for one in allowed:
            if one == value:
                return one
        raise TopologyError(f"{self.at(key)}: {value!r} is none of {', '.join(allowed)}")

    def integer(self, key: str, default: int | None = None) -> int:
        value = self._take(key, default)
        if not isinstance(value, int) or isinstance(value, bool):
            raise TopologyError(f"{self.at(key)}: a whole number is wanted, not {value!r}")
        return value

    def flag(self, key: str) -> bool:
        value = self._take(key, default=False)
        if not isinstance(value, bool):
            raise TopologyError(f"{self.at(key)}: true or false is wanted, not {value!r}")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        value = self._take(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise TopologyError(f"{self.at(key)}: a list of texts is wanted, not {value!r}")
        return tuple(value)

    def section(self, key: str, *, optional: bool = False) -> "Section":
        return Section(self.at(key), self._take(key, {} if optional else None))

    def text_map(self, key: str) -> dict[str, str]:
        inner = self.section(key, optional=True)
        return {name: inner.text(name) for name in inner.names()}

    def integer_map(self, key: str) -> dict[str, int]:
        inner = self.section(key, optional=True)
        return {name: inner.integer(name) for name in inner.names()}

    def sections(self, key: str) -> Iterator["Section"]:
        value = self._take(key, None)
        if not isinstance(value, list):
            raise TopologyError(f"{self.at(key)}: a list is wanted, not {value!r}")
        return (Section(f"{self.at(key)}[{n}]", item) for n, item in enumerate(value))

    def has(self, key: str) -> bool:
        return key in self._left

    def names(self) -> tuple[str, ...]:
        return tuple(self._left)

    def at(self, key: str) -> str:
        return f"{self._where}.{key}" if self._where else key

    def done(self) -> None:
        for key in self._left:
            known = ", ".join(self._known)
            raise TopologyError(f"{self.at(key)}: unknown key (known here: {known})")

    def _take(self, key: str, default: Any) -> Any:
        self._known.append(key)
        if key not in self._left and default is None:
            raise TopologyError(f"{self.at(key)}: missing")
        return self._left.pop(key, default)
