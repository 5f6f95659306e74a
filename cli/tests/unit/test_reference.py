"""The committed references say what the code says."""

import json
from pathlib import Path

import pytest

from common.web.app import openapi_of
from reprise_cli.commands.settings_reference import collect, markdown
from reprise_cli.entry_points import descriptions

REFERENCE = Path(__file__).parents[3] / "docs" / "reference"


@pytest.mark.req("DEP-08")
def test_the_settings_reference_is_current() -> None:
    assert (REFERENCE / "settings.md").read_text("utf-8") == markdown(collect())


@pytest.mark.parametrize("name", [name for name, _ in descriptions()])
def test_the_description_of_a_service_is_current(name: str) -> None:
    document = openapi_of(dict(descriptions())[name]())
    assert json.loads((REFERENCE / "openapi" / f"{name}.json").read_text("utf-8")) == document
