"""Starts the janitor."""

from common.web.server import run_service
from janitor.bootstrap import bootstrap
from janitor.settings import JanitorSettings


def main() -> None:
    """Settings, parts, port, until SIGTERM."""
    run_service("janitor", bootstrap, JanitorSettings)


if __name__ == "__main__":
    main()
