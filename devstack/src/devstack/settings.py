"""What devstack reads from the caller's environment; nothing else of it reaches a process."""

from pathlib import Path

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from devstack.errors import DevstackError


class DevstackSettings(BaseSettings):
    """Choices of the person at the keyboard. All have a default; a set value wins over the file."""

    model_config = SettingsConfigDict(extra="ignore")

    path: str = Field("/usr/local/bin:/usr/bin:/bin", alias="PATH")
    """Where programs are looked for; handed on to every process."""
    home: Path = Field(Path("/"), alias="HOME")
    """Handed on to every process."""
    lang: str = Field("C.UTF-8", alias="LANG")
    """Handed on to every process."""
    cache_home: Path | None = Field(None, alias="XDG_CACHE_HOME")
    """The user's cache folder; default `~/.cache`. Broker, store and Java cache lie under it."""
    port_base: int | None = Field(None, alias="REPRISE_PORT_BASE", ge=1024, le=65000)
    """The edge's port; every other port is an offset from it. Default: the topology's."""
    postgres_bin: Path | None = Field(None, alias="REPRISE_POSTGRES_BIN")
    """A `bin` folder of another PostgreSQL >= 18; default: the one of the Python package."""
    nginx: str = Field("nginx", alias="REPRISE_NGINX")
    """The nginx program, a name or a path."""

    def cache(self) -> Path:
        """The folder for what is fetched or built once per version."""
        return (self.cache_home or self.home / ".cache") / "reprise"

    def handed_on(self) -> dict[str, str]:
        """The only variables of the caller that a process sees."""
        return {"PATH": self.path, "HOME": str(self.home), "LANG": self.lang}


def read_settings() -> DevstackSettings:
    """The choices as the environment has them; a wrong one is told by its name."""
    try:
        return DevstackSettings()
    except ValidationError as error:
        wrong = error.errors(include_url=False)[0]
        name, message = wrong["loc"][0], wrong["msg"]
        raise DevstackError(f"{name} is wrong: {message[0].lower()}{message[1:]}") from error
