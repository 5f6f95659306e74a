"""What a file is called: the catalog hears it, fit to be shown; neither key nor fact holds it."""

import random

import pytest
from tests.e2e.client import Reprise, eventually, patch_headers, upload_at
from tests.e2e.kafka_log import records_of
from tests.e2e.store import list_keys

from devstack.stack import Stack

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(90)]

SENT, SHOWN = "../..\\дома/Сет\u202e\r\n  gnp.flac", "Сет gnp.flac"


def test_a_name_is_shown_by_the_catalog_and_stands_in_no_key_and_no_fact(
    admin: Reprise, stack: Stack
) -> None:
    body = b"fLaC\0\0\0\x22" + random.Random().randbytes(3000)
    begun = admin.create(len(body), filename=SENT, filetype="audio/flac", kind="audio")
    upload = upload_at(begun.headers["location"])
    sent = admin.http.patch(upload.location, headers=patch_headers(0), content=body)
    assert sent.status_code == 204, sent.text
    status = admin.ended(upload)
    assert (status["state"], status["file_name"]) == ("stored", SHOWN)
    asset_id = status["asset_id"]
    eventually(
        lambda: admin.http.get(f"/api/v1/admin/assets/{asset_id}").json().get("file_name"),
        lambda name: name == SHOWN,
        within=20,
        saying="the catalog should hear the name",
    )
    keys = list_keys(stack.env, f"u/{asset_id}/")
    assert keys
    facts = records_of(stack.env["REPRISE_KAFKA_BOOTSTRAP"], asset_id)
    assert {fact.topic for fact in facts} >= {"media.uploads.v1", "media.assets.v1"}
    for text in (*keys, *((fact.value or b"").decode() for fact in facts)):
        assert "gnp" not in text
        assert "Сет" not in text
