"""An upload that cannot be verified is never stuck in silence, and never given up."""

import asyncio
from pathlib import Path

import pytest
from gateway_support import tus
from gateway_support.places import MIB, Places
from gateway_support.real_gateway import eventually, running

from upload_gateway.commands.stranded import retry, stranded

pytestmark = pytest.mark.integration

BODY = tus.flac(6 * MIB, "stranded")


def test_an_upload_that_fails_for_good_waits_with_a_reason_until_an_operator_has_it_tried_again(
    places: Places, log: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("REPRISE_POSTGRES_URL_UPLOAD_GATEWAY", places.env["REPRISE_POSTGRES_URL"])
    with running(places, log, REPRISE_ROLES="http") as gateway, gateway.client() as client:
        path = tus.upload(client, BODY)
        # a part that the store does not have, and the last of its tries
        break_it = "UPDATE part SET size = size - 1, etag = 'other' WHERE upload_id = $1"
        asyncio.run(places.rows(break_it, tus.id_of(path)))
        last = "UPDATE job SET max_attempts = 1 WHERE subject = $1"
        asyncio.run(places.rows(last, tus.id_of(path)))
        with running(places, log) as working:
            eventually(lambda: tus.status(client, path)["reason"] is not None)
            status = tus.status(client, path)
            assert (status["state"], status["reason"]) == ("verifying", "verification_failed")
            assert status["timeline"][-1]["reason"] == "verification_failed"
            stranded()
            said = capsys.readouterr().out
            assert status["asset_id"] in said
            assert "parts_lost" in said
            assert str(tus.id_of(path)) not in said + working.log()
            mend = "UPDATE part SET size = size + 1 WHERE upload_id = $1"
            asyncio.run(places.rows(mend, tus.id_of(path)))
            retry(yes=True, operator="ops")
            done = tus.ended(client, path)
            assert (done["state"], done["reason"]) == ("stored", None)
            stranded()
            assert "No upload waits" in capsys.readouterr().out
    (row,) = asyncio.run(places.rows("SELECT operator, command, outcome FROM operator_action"))
    assert (row["operator"], row["command"]) == ("ops", "uploads retry")
    assert done["asset_id"] in row["outcome"]
