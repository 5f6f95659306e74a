"""A second, strict and independent S3 server for the storage suite: Ceph's gateway."""

import json
import secrets
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self
from uuid import UUID

import httpx

from common.ids import new_event_id
from devstack.errors import DevstackError
from devstack.faults.certificate import Certificate
from devstack.local_place import LOOPBACK
from devstack.ports import FreePorts

_READY = 60.0  # seconds
_STEP = 60  # seconds for each command
_PYTHON = "/usr/bin/python3"  # Debian's own: the `ceph` script's modules are its packages'


class CephRgw:
    """One monitor, one object store in memory, one gateway; about 120 MiB, up in 15 s.

    `programs` is the folder of `ceph_packages`, `folder` an empty one of ours. What it stores is
    gone when it ends. It speaks http, and TLS beside it with a `certificate`.
    """

    def __init__(
        self, programs: Path, folder: Path, certificate: Certificate | None = None
    ) -> None:
        self._programs, self._folder, self._certificate = programs, folder, certificate
        self._conf = folder / "ceph.conf"
        self.access_key, self.secret_key = secrets.token_hex(8), secrets.token_urlsafe(24)
        self._ports = FreePorts(range(4))
        self._daemons: list[subprocess.Popen[bytes]] = []

    @property
    def endpoint(self) -> str:
        """The address for clients."""
        return f"http://{LOOPBACK}:{self._ports.base}"

    @property
    def secure_endpoint(self) -> str:
        """The same over TLS."""
        return f"https://{LOOPBACK}:{self._ports.base + 3}"

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop()

    def _start(self) -> None:
        for name in ("mon", "osd", "run", "log"):
            (self._folder / name).mkdir()
        self._conf.write_text(self._configuration())
        self._make_keys()
        self._run("ceph-mon", "--mkfs", "-i", "a", "--no-mon-config")
        self._daemon("ceph-mon", "-i", "a", "--public-addrv", self._monitor)
        self._start_osd()
        names = ["--uid", "reprise", "--display-name", "reprise"]
        keys = ["--access-key", self.access_key, "--secret-key", self.secret_key]
        self._run("radosgw-admin", "user", "create", *names, *keys)
        self._daemon("radosgw", "-n", "client.admin")
        self._wait_ready()

    def _make_keys(self) -> None:
        keyring = str(self._folder / "keyring")
        make = ["ceph-authtool", keyring, "--gen-key"]
        self._run(*make, "--create-keyring", "-n", "mon.", "--cap", "mon", "allow *")
        rights = [part for who in ("mon", "osd", "mgr") for part in ("--cap", who, "allow *")]
        self._run(*make, "-n", "client.admin", *rights)

    def _start_osd(self) -> None:
        identity = UUID(str(new_event_id()))
        secret = self._run("ceph-authtool", "--gen-print-key").strip()
        told = json.dumps({"cephx_secret": secret})
        self._run("ceph", "osd", "new", str(identity), "-i", "-", stdin=told)
        keyring = str(self._folder / "osd" / "keyring")
        self._run("ceph-authtool", keyring, "--create-keyring", "-n", "osd.0", "--add-key", secret)
        self._run("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", str(identity))
        address = ["--public-addr", LOOPBACK, "--cluster-addr", LOOPBACK]
        self._daemon("ceph-osd", "-i", "0", *address)

    def _daemon(self, program: str, *words: str) -> None:
        log = (self._folder / "log" / f"{program}.out").open("wb")
        with log:
            self._daemons.append(
                subprocess.Popen(
                    self._command(program, "-f", *words),
                    stdout=log,
                    stderr=log,
                    stdin=subprocess.DEVNULL,
                )
            )

    def _run(self, program: str, *words: str, stdin: str = "") -> str:
        done = subprocess.run(
            self._command(program, *words),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=_STEP,
            check=False,
        )
        if done.returncode != 0:
            raise DevstackError(f"{program} failed: {done.stderr.strip()[-500:]}")
        return done.stdout

    def _command(self, program: str, *words: str) -> list[str]:
        root = self._programs
        libraries = [root / "lib/x86_64-linux-gnu", root / "usr/lib/x86_64-linux-gnu"]
        libraries += [root / "usr/lib/x86_64-linux-gnu/ceph", root / "usr/lib/ceph"]
        python = [_PYTHON] if program == "ceph" else []
        return [
            "env",
            f"LD_LIBRARY_PATH={':'.join(map(str, libraries))}",
            f"PYTHONPATH={root / 'usr/lib/python3/dist-packages'}",
            *python,
            str(root / "usr/bin" / program),
            "-c",
            str(self._conf),
            *words,
        ]

    def _wait_ready(self) -> None:
        deadline = time.monotonic() + _READY
        while time.monotonic() < deadline:
            try:
                if httpx.get(self.endpoint, timeout=2).status_code == httpx.codes.OK:
                    return
            except httpx.HTTPError:
                time.sleep(0.2)
        raise DevstackError(f"Ceph's gateway is not ready after {_READY:.0f} s")

    def _stop(self) -> None:
        for daemon in reversed(self._daemons):
            daemon.kill()
            daemon.wait()
        self._ports.release()

    @property
    def _monitor(self) -> str:
        base = self._ports.base
        return f"[v2:{LOOPBACK}:{base + 1}/0,v1:{LOOPBACK}:{base + 2}/0]"

    def _secure(self) -> str:
        if self._certificate is None:
            return ""
        address = f"{LOOPBACK}:{self._ports.base + 3}"
        return f" ssl_endpoint={address} ssl_certificate={self._certificate.path}"

    def _configuration(self) -> str:
        libraries = self._programs / "usr/lib/x86_64-linux-gnu"
        return f"""[global]
fsid = {UUID(str(new_event_id()))}
mon host = {self._monitor}
auth cluster required = cephx
auth service required = cephx
auth client required = cephx
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 4
osd pool default pgp num = 4
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
osd objectstore = memstore
memstore device bytes = 4294967296
run dir = {self._folder}/run
admin socket = {self._folder}/run/$name.asok
pid file = {self._folder}/run/$name.pid
log file = {self._folder}/log/$name.log
mon data = {self._folder}/mon
osd data = {self._folder}/osd
keyring = {self._folder}/keyring
osd class dir = {libraries}/rados-classes
plugin dir = {libraries}/ceph
erasure code dir = {libraries}/ceph/erasure-code
[mon.]
keyring = {self._folder}/keyring
[osd.0]
keyring = {self._folder}/osd/keyring
[client.admin]
rgw frontends = beast endpoint={LOOPBACK}:{self._ports.base}{self._secure()}
rgw run sync thread = false
"""
