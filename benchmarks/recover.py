"""How many entities a second `reprise recover catalog` brings back, and in how much memory.

    python benchmarks/recover.py --kafka HOST:PORT --postgres postgresql://admin@HOST:PORT/postgres

A generated log on the real broker, in topics of its own; rows into a schema of its own. Each
recovery runs in a process of its own, so that its peak of memory is its own.
"""

import argparse
import asyncio
import itertools
import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import uvloop
from pydantic import SecretStr

sys.path.insert(0, str(Path(__file__).parents[1]))  # run as a script, too

from benchmarks.recover_log import fill

from catalog.recovery.assembly import TOPICS, build_rebuild, build_untold, open_log
from common.clock import SystemClock
from common.events.topics import Topic
from common.kafka.topics import apply
from common.postgres.engine import open_engine
from common.settings.groups import KafkaSettings, PostgresSettings
from common.testing.kafka import unique
from common.testing.postgres import scratch

GRACE = timedelta(days=30)
SIZES = (10_000, 100_000, 1_000_000)


class Steps:
    """Progress that nobody watches; when each step began."""

    def __init__(self) -> None:
        self.began: dict[str, float] = {}

    def begin(self, step: str, total: int | None) -> None:
        self.began[step] = time.perf_counter()

    def advance(self, count: int) -> None:
        pass

    def seconds(self) -> dict[str, float]:
        marks = [*self.began.items(), ("", time.perf_counter())]
        return {name: round(end - at, 1) for (name, at), (_, end) in itertools.pairwise(marks)}


async def recover(kafka: str, postgres: str, places: Mapping[str, Topic]) -> dict[str, Any]:
    """One recovery into an empty schema, in this process."""
    patient = PostgresSettings(url=SecretStr(postgres), pool_size=3, statement_timeout=3600)
    log, clock, steps = open_log(KafkaSettings(bootstrap=kafka), places), SystemClock(), Steps()
    async with (
        scratch(postgres, "catalog") as schema,
        open_engine(patient, schema=schema.name) as database,
    ):
        rebuild = build_rebuild(
            database, log, grace=GRACE, clock=clock, progress=steps, places=places
        )
        untold = build_untold(database, grace=GRACE, clock=clock, progress=steps)
        began, cpu = time.perf_counter(), time.process_time()
        await rebuild(await log.ends())
        await untold()
        return {
            "seconds": time.perf_counter() - began,
            "cpu": time.process_time() - cpu,
            "peak_mib": _peak_mib(),
            "steps": steps.seconds(),
        }


def _peak_mib() -> int:
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) // 1024


async def run(
    kafka: str, postgres: str, *, sizes: Sequence[int] = SIZES, shape: str = "lean"
) -> list[dict[str, Any]]:
    """One row for each size: entities, records, per_second, seconds, cpu, peak_mib, steps."""
    return [await _measured(kafka, postgres, size, shape) for size in sizes]


async def _measured(kafka: str, postgres: str, size: int, shape: str) -> dict[str, Any]:
    places = {topic.name: replace(topic, name=unique(f"bench.{topic.name}")) for topic in TOPICS}
    await apply(KafkaSettings(bootstrap=kafka), list(places.values()))
    records = await fill(kafka, places, size, shape)
    names = json.dumps({name: topic.name for name, topic in places.items()})
    where = ("--kafka", kafka, "--postgres", postgres, "--child", names)
    child = await asyncio.create_subprocess_exec(
        sys.executable, __file__, *where, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await child.communicate()
    if child.returncode:
        raise SystemExit(f"the recovery of {size} entities failed")
    found = json.loads(out)
    per_second = round(size / found["seconds"])
    return {"entities": size, "records": records, "per_second": per_second, **found}


def _child(options: argparse.Namespace) -> None:
    names = json.loads(options.child)
    places = {topic.name: replace(topic, name=names[topic.name]) for topic in TOPICS}
    print(json.dumps(uvloop.run(recover(options.kafka, options.postgres, places))))


async def main(options: argparse.Namespace) -> None:
    for size in options.entities:
        row = await _measured(options.kafka, options.postgres, size, options.shape)
        print(
            f"{row['entities']:>9,} entities, {row['records']:>9,} records:"
            f" {row['per_second']:>6,} entities/s in {row['seconds']:.1f} s"
            f" ({row['cpu']:.1f} s of its own CPU), peak {row['peak_mib']} MiB",
            flush=True,
        )
        print(f"{'':>11}{row['steps']}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kafka", required=True)
    parser.add_argument("--postgres", required=True)
    parser.add_argument("--entities", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--shape", choices=("lean", "image"), default="lean")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.child:
        _child(chosen)
    else:
        uvloop.run(main(chosen))
