"""settings -> bootstrap -> app; nothing else."""

from common.web.server import run_service
from transcoder.bootstrap import bootstrap
from transcoder.settings import TranscoderSettings


def main() -> None:
    """Run the transcoder until it is told to stop."""
    run_service("transcoder", bootstrap, TranscoderSettings)


if __name__ == "__main__":
    main()
