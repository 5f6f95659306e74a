"""Lists the largest files and functions: a thing to look at, not a gate."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, order=True)
class Sized:
    """Something with a length in lines."""

    lines: int
    where: str


def largest_files(root: Path, count: int) -> list[Sized]:
    sized = [Sized(len(_text(path).splitlines()), _name(root, path)) for path in _sources(root)]
    return sorted(sized, reverse=True)[:count]


def largest_functions(root: Path, count: int) -> list[Sized]:
    sized = [one for path in _sources(root) for one in _functions(root, path)]
    return sorted(sized, reverse=True)[:count]


def _functions(root: Path, path: Path) -> Iterator[Sized]:
    for node in ast.walk(ast.parse(_text(path))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            yield Sized(lines, f"{_name(root, path)}:{node.lineno} {node.name}")


def _sources(root: Path) -> Iterator[Path]:
    for folder in ("libs", "services", "cli", "devstack", "tests"):
        yield from (p for p in (root / folder).rglob("*.py") if "migrations" not in p.parts)


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _name(root: Path, path: Path) -> str:
    return str(path.relative_to(root))
