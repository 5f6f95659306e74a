"""`reprise openapi`: the API of each service as its own routes describe it."""

import json
from pathlib import Path
from typing import Annotated

import typer

from common.web.app import openapi_of
from reprise_cli.entry_points import descriptions
from reprise_cli.generated import check_or_write
from reprise_cli.output import print_json


def openapi(
    check: Annotated[
        bool, typer.Option("--check", help="Fail when a committed file is out of date.")
    ] = False,
    folder: Annotated[Path, typer.Option(help="Where the documents are.")] = Path(
        "docs/reference/openapi"
    ),
    as_json: Annotated[
        bool, typer.Option("--json", help="Print all documents instead of writing them.")
    ] = False,
) -> None:
    """Write one OpenAPI document per service; each operation says in `x-role` who may call it.

    Example: reprise openapi --folder api
    """
    documents = {name: openapi_of(describe()) for name, describe in descriptions()}
    if as_json:
        print_json(documents)
        return
    texts = {
        folder / f"{name}.json": json.dumps(document, indent=2, sort_keys=True) + "\n"
        for name, document in documents.items()
    }
    check_or_write(texts, check=check)
