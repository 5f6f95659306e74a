"""Starts delivery: settings, bootstrap, serve."""

from common.web.server import run_service
from delivery.bootstrap import bootstrap
from delivery.settings import DeliverySettings


def main() -> None:
    """Run until SIGTERM."""
    run_service("delivery", bootstrap, DeliverySettings)


if __name__ == "__main__":
    main()
