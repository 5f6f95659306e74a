"""Makes the installation's secrets on first use and keeps them in files only their owner reads."""

import contextlib
import os
import secrets
from pathlib import Path

from devstack.topology import Secret


def secret_value(folder: Path, secret: Secret) -> str:
    """The value of a secret, made now if it never was.

    Written by link from a complete file: two starts at once agree on one value.
    """
    path = folder / secret.name
    if not path.exists():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write_once(path, make_secret(secret))
    return path.read_text(encoding="ascii")


def make_secret(secret: Secret) -> str:
    """A fresh random value in the secret's form: 256 bits, safe in a URL."""
    value = secrets.token_urlsafe(32)
    return f"k1:{value}" if secret.form == "ring" else value


def _write_once(path: Path, value: str) -> None:
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    write_private(draft, value)
    try:
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(draft)
    finally:
        draft.unlink()


def write_private(path: Path, text: str) -> None:
    """Writes a file that nobody but its owner may read, from its first byte on."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
