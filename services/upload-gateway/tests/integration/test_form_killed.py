"""A gateway is killed within a form: what it had taken stays, what it was taking ends."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from gateway_support import forms, tus
from gateway_support.forms import png
from gateway_support.places import MIB, Places, make_places
from gateway_support.real_gateway import RealGateway, eventually, running
from gateway_support.store_audit import strays

from devstack.stack import Stack

# until a dead writer is known to be gone takes longer than all the rest
pytestmark = [pytest.mark.integration, pytest.mark.long, pytest.mark.timeout(90)]

ANSWERED = png("of a form that was answered")
FINISHED = png("of a form that nobody answered", 6 * MIB)
RUNNING = png("the gateway dies in its middle", 12 * MIB)
SWEEPING = {"REPRISE_UPLOAD_SWEEP_INTERVAL": "0.2"}


@pytest.fixture
def own(infra: Stack) -> Places:
    """A bucket and a database in which nothing else ever was."""
    return make_places(infra.env)


def test_a_kill_within_a_file_keeps_those_before_it_and_a_sweep_ends_its_own(
    own: Places, log: Path
) -> None:
    with running(own, log) as gateway:
        kill_within_a_form(gateway)
    running_file = row(own, "running.png")
    assert (running_file["state"], running_file["offset"]) == ("receiving", 10 * MIB)
    assert asyncio.run(own.multiparts(running_file["key"])) == [running_file["key"]]
    expire = "UPDATE upload SET expires_at = now() WHERE state = 'receiving'"
    asyncio.run(own.rows(expire))
    with running(own, log, **SWEEPING) as gateway, gateway.client() as client:
        eventually(lambda: all(row(own, name)["cleared"] for name in NAMES))
        eventually(lambda: asyncio.run(strays(own)) == [])
        assert {name: row(own, name)["state"] for name in NAMES} == NAMES
        asked = tus.status(client, f"/files/{running_file['id']}")
        assert (asked["state"], asked["mode"]) == ("expired", "form")
    assert asyncio.run(own.multiparts()) == []
    kept = {row(own, "answered.png")["key"]: ANSWERED, row(own, "finished.png")["key"]: FINISHED}
    assert asyncio.run(own.objects()).keys() == kept.keys()
    assert all(asyncio.run(own.content(key)) == body for key, body in kept.items())


NAMES = {"answered.png": "stored", "finished.png": "stored", "running.png": "expired"}


def kill_within_a_form(gateway: RealGateway) -> None:
    """One form was answered; the other has one file behind it and two parts of the next."""
    own = gateway.places
    with gateway.client() as client:
        answer = forms.send(client, forms.file("answered.png", ANSWERED))
        assert forms.codes(answer) == [None]
    with forms.RawForm(gateway) as form:
        form.send(forms.file("finished.png", FINISHED) + forms.head("running.png"))
        form.send(RUNNING[: 11 * MIB])
        eventually(lambda: asyncio.run(own.rows(TWO_PARTS)) != [])
        gateway.kill()


TWO_PARTS = f"SELECT FROM upload WHERE file_name = 'running.png' AND \"offset\" = {10 * MIB}"


def row(places: Places, name: str) -> dict[str, Any]:
    query = 'SELECT id, key, state, "offset", cleared FROM upload WHERE file_name = $1'
    (found,) = asyncio.run(places.rows(query, name))
    return found
