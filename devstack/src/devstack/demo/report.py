"""Shows what became of one file."""

from rich.console import Console
from rich.table import Table

from devstack.demo.api import Document
from devstack.demo.following import Outcome
from devstack.demo.ranges import RangeCheck


def show_renditions(console: Console, outcome: Outcome) -> None:
    table = Table("rendition", "codec", "bit rate", "size", "shape", "state", box=None)
    for one in sorted(outcome.asset["renditions"], key=lambda one: str(one["name"])):
        table.add_row(
            str(one["name"]),
            str(one.get("codec") or "-"),
            _bit_rate(one.get("bit_rate")),
            human_size(one.get("size")),
            _shape(one),
            str(one["state"]),
        )
    console.print(table)
    seconds = outcome.seconds_to_play()
    if outcome.duplicate:
        console.print("the library had these bytes already: the upload is an alias of the asset")
    if seconds is not None:
        console.print(f"from stored to the first playable tier: {seconds:.2f} s")


def show_ranges(console: Console, checks: list[RangeCheck]) -> None:
    for one in checks:
        verdict = "[green]equal[/]" if one.right else "[red]DIFFERENT[/]"
        console.print(f"bytes {one.first}-{one.last} ({one.what}): {verdict} to the source file")


def human_size(size: int | None) -> str:
    if size is None:
        return "-"
    return f"{size / 2**20:.1f} MiB" if size >= 2**20 else f"{size / 1024:.1f} KiB"


def _bit_rate(rate: int | None) -> str:
    return "-" if not rate else f"{rate / 1000:.0f} kbit/s"


def _shape(rendition: Document) -> str:
    width, height = rendition.get("width"), rendition.get("height")
    shape = [f"{width}×{height}"] if width and height else []
    duration = rendition.get("duration")
    return " ".join([*shape, f"{duration:.1f} s"] if duration else shape) or "-"
