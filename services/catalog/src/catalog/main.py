"""settings -> bootstrap -> app; nothing else."""

from catalog.bootstrap import bootstrap
from catalog.settings import CatalogSettings
from common.web.server import run_service


def main() -> None:
    """Run the catalog until it is told to stop."""
    run_service("catalog", bootstrap, CatalogSettings)


if __name__ == "__main__":
    main()
