"""`reprise setup`: all that must be there before a service starts; it may run again."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated

import typer

from common.clock import SystemClock
from common.errors import Unavailable
from common.kafka import topics
from common.postgres.migrate import migrate
from common.postgres.outbox_partitions import make_partitions
from common.postgres.provision import provision, schema_of
from common.s3.bucket import ensure_bucket
from common.s3.client import open_s3
from common.settings.reading import read
from reprise_cli.entry_points import migration_packages
from reprise_cli.lost_tables import refuse_lost_tables
from reprise_cli.output import print_json, print_line
from reprise_cli.settings import SetupSettings

Step = Callable[[], Awaitable[list[str]]]
_PAUSE = 0.5  # seconds between tries while a part is still starting


def setup(
    wait: Annotated[
        float, typer.Option(help="Seconds to wait for Postgres, Kafka and the store to answer.")
    ] = 60.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was done as JSON.")] = False,
    accept_empty: Annotated[
        list[str] | None,
        typer.Option(help="A service that may begin with nothing although its log is not empty."),
    ] = None,
) -> None:
    """Make roles, schemas, migrations, bucket and topics; what is there already is left alone.

    Ends with status 1 when a service's tables are new while its log is not: they were lost, and it
    must not start before they are back.

    Example: reprise setup --wait 120
    """
    settings, packages = read(SetupSettings), migration_packages()
    done = asyncio.run(set_up(settings, packages, wait=wait))
    if as_json:
        print_json(done)
    else:
        for part, changes in done.items():
            print_line(f"{part}: {'; '.join(changes) if changes else 'nothing to do'}")
    asyncio.run(refuse_lost_tables(settings, sorted(packages.keys() - set(accept_empty or ()))))


async def set_up(
    settings: SetupSettings, packages: dict[str, str], *, wait: float
) -> dict[str, list[str]]:
    """The three parts side by side; each is tried again while it does not answer."""
    steps: dict[str, Step] = {
        "postgres": lambda: _databases(settings, packages),
        "store": lambda: _bucket(settings),
        "kafka": lambda: _topics(settings),
    }
    results = await asyncio.gather(*(_patiently(step, wait) for step in steps.values()))
    return dict(zip(steps, results, strict=True))


async def _databases(settings: SetupSettings, packages: dict[str, str]) -> list[str]:
    urls = {service: settings.postgres.url_of(service) for service in packages}
    done = await provision(settings.postgres.admin_url.get_secret_value(), urls)
    for service, package in packages.items():
        await migrate(urls[service], package)
        done += [
            f"{service}: partition {name}"
            for name in await make_partitions(urls[service], schema_of(service))
        ]
    return done


async def _bucket(settings: SetupSettings) -> list[str]:
    async with open_s3(settings.s3) as client:
        made = await ensure_bucket(client, settings.s3.bucket, settings.s3.region)
    return [f"bucket {settings.s3.bucket}"] if made else []


async def _topics(settings: SetupSettings) -> list[str]:
    return [change.detail for change in await topics.apply(settings.kafka)]


async def _patiently(step: Step, wait: float) -> list[str]:
    clock = SystemClock()
    until = clock.monotonic() + wait
    while True:
        try:
            return await step()
        except Unavailable as error:
            if error.code == "storage_denied" or clock.monotonic() >= until:
                raise
        await asyncio.sleep(_PAUSE)
