"""Starts the upload gateway."""

from common.events.topics import UPLOAD_GATEWAY
from common.web.server import run_service
from upload_gateway.bootstrap import bootstrap
from upload_gateway.settings import UploadGatewaySettings


def main() -> None:
    """Run until SIGTERM."""
    run_service(UPLOAD_GATEWAY, bootstrap, UploadGatewaySettings)


if __name__ == "__main__":
    main()
