"""What the installed services offer to the operator command, found through their entry points."""

from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from importlib.metadata import EntryPoint, entry_points

from fastapi import FastAPI

from common.fsck import Contribution
from common.postgres.republishing import Republishing


def _of(group: str) -> list[EntryPoint]:
    return sorted(entry_points(group=group), key=lambda point: point.name)


def settings_classes() -> list[tuple[str, type]]:
    """Each service's settings dataclass (group `reprise.settings`)."""
    return [(point.name, point.load()) for point in _of("reprise.settings")]


def migration_packages() -> dict[str, str]:
    """Service to the import name of its package (group `reprise.migrations`)."""
    return {point.name: point.value.split(".")[0] for point in _of("reprise.migrations")}


def fsck_contributions() -> list[
    tuple[str, Callable[[], AbstractAsyncContextManager[Contribution]]]
]:
    """What each service brings to `reprise fsck` (group `reprise.fsck`)."""
    return [(point.name, point.load()) for point in _of("reprise.fsck")]


def descriptions() -> list[tuple[str, Callable[[], FastAPI]]]:
    """Each service's function that builds its app to be described (group `reprise.openapi`)."""
    return [(point.name, point.load()) for point in _of("reprise.openapi")]


def republishings() -> dict[str, Republishing]:
    """What each service can say again of compacted topics (group `reprise.republish`)."""
    return {point.name: point.load() for point in _of("reprise.republish")}


def service_commands() -> Iterator[tuple[tuple[str, ...], Callable[..., None]]]:
    """Commands that services bring themselves (group `reprise.commands`).

    The entry point's name is the command's words with dots between them: `recover.catalog` is
    `reprise recover catalog`. Its value is the function, annotated for typer.
    """
    for point in _of("reprise.commands"):
        yield tuple(point.name.split(".")), point.load()
