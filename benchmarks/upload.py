"""All figures of the upload gateway in one table: one large file, a crowd of them, single answers.

    make bench-upload        (ARGS="--only single --size 256 --tusd /path/to/tusd --json")

It starts a system of its own beside whatever runs. A part is a module of this folder with
`def measure(place) -> list[Row]`. One machine, one run: read ratios, and compare figures of the
same run only.
"""

import argparse
from collections.abc import Callable

from benchmarks import upload_answers, upload_crowd, upload_single
from benchmarks.table import Row, show
from benchmarks.upload_place import UploadPlace, open_place

from common.telemetry.logs import configure_for_commands

PARTS: dict[str, Callable[[UploadPlace], list[Row]]] = {
    "answers": upload_answers.measure,
    "single": upload_single.measure,
    "crowd": upload_crowd.measure,
}


def main(options: argparse.Namespace) -> None:
    rows: list[Row] = []
    with open_place(options) as place:
        for name in options.only:
            rows += PARTS[name](place)
    show("Upload gateway", rows, as_json=options.json)


if __name__ == "__main__":
    configure_for_commands()
    parser = argparse.ArgumentParser(description=__doc__)
    UploadPlace.arguments(parser)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--only", nargs="+", choices=list(PARTS), default=list(PARTS))
    main(parser.parse_args())
