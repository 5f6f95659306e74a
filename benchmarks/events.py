"""All figures of the event backbone in one table: relay, commit to handler, consumers, recovery.

    make bench-events        (needs `make up`; ARGS="--only relay latency" for some of it)

A part is a module of this folder with `async def measure(place) -> list[Row]`; a new one is a line
in PARTS. One machine, one run: read ratios, and compare figures of the same run only.
"""

import argparse
from collections.abc import Awaitable, Callable

import uvloop
from benchmarks import consumers, latency, rebuild, recover, relay
from benchmarks.place import Place
from benchmarks.table import Row, show

from common.telemetry.logs import configure_for_commands


async def _recovered(place: Place) -> list[Row]:
    found = await recover.run(place.kafka.bootstrap, place.postgres, sizes=place.entities)
    return [
        Row(
            f"recover the catalog, {one['entities']:,} entities",
            f"{one['per_second']:,} entities/s",
            f"peak {one['peak_mib']} MiB",
        )
        for one in found
    ]


PARTS: dict[str, Callable[[Place], Awaitable[list[Row]]]] = {
    "relay": relay.measure,
    "latency": latency.measure,
    "consumers": consumers.measure,
    "recover": _recovered,
    "rebuild": rebuild.measure,
}


async def main(options: argparse.Namespace) -> None:
    place = Place.of(options)
    rows: list[Row] = []
    for name in options.only:
        rows += await PARTS[name](place)
    show("Event backbone", rows)


if __name__ == "__main__":
    configure_for_commands()
    parser = argparse.ArgumentParser(description=__doc__)
    Place.arguments(parser)
    parser.add_argument("--only", nargs="+", choices=list(PARTS), default=list(PARTS))
    uvloop.run(main(parser.parse_args()))
