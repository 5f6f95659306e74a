"""What the edge lets through of an upload's headers, and what it says for itself."""

from base64 import b64encode

import pytest
from tests.e2e.client import Reprise

pytestmark = pytest.mark.e2e

NEW = {"Tus-Resumable": "1.0.0", "Upload-Length": "7"}


def metadata(size: int) -> str:
    named = f"filename {b64encode(b'a.flac').decode()},note "
    return named + b64encode(b"n" * ((size - len(named)) * 3 // 4)).decode()


def test_14_kb_of_metadata_pass_the_edge_and_100_kb_do_not(admin: Reprise) -> None:
    large = metadata(14 * 1024)
    made = admin.http.post("/files/", headers=NEW | {"Upload-Metadata": large})
    assert made.status_code == 201, made.text
    head = admin.http.head(made.headers["location"], headers={"Tus-Resumable": "1.0.0"})
    assert head.headers["upload-metadata"] == large
    refused = admin.http.post("/files/", headers=NEW | {"Upload-Metadata": metadata(100 * 1024)})
    assert refused.status_code in {400, 431}
    assert refused.headers["content-type"] == "application/problem+json"


def test_the_edge_takes_nobodys_word_on_the_scheme(admin: Reprise) -> None:
    forged = NEW | {"X-Forwarded-Proto": "https", "Forwarded": "proto=https"}
    made = admin.http.post("/files/", headers=forged)
    assert made.headers["location"].startswith(f"{admin.origin}/files/")
    assert made.headers["location"].startswith("http://")


def test_options_says_the_same_through_the_edge(anonymous: Reprise) -> None:
    answer = anonymous.http.options("/files/")
    assert answer.status_code == 200
    assert answer.headers["tus-version"] == "1.0.0"
    assert {"checksum", "creation-defer-length", "termination"} <= set(
        answer.headers["tus-extension"].split(",")
    )
    assert int(answer.headers["tus-max-size"]) > 0
