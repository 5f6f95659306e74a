"""Secrets are made once and are nobody else's business."""

from pathlib import Path

from devstack.secret_store import secret_value
from devstack.topology import Secret


def test_a_secret_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    secret = Secret("jwt", "REPRISE_JWT_SECRET", "plain")
    value = secret_value(folder, secret)
    assert secret_value(folder, secret) == value
    assert len(value) >= 32
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "jwt").stat().st_mode & 0o777 == 0o600


def test_a_ring_names_its_key(tmp_path: Path) -> None:
    value = secret_value(tmp_path / "s", Secret("receipts", "REPRISE_RECEIPT_SECRET", "ring"))
    kid, _, key = value.partition(":")
    assert kid == "k1"
    assert len(key) >= 32
