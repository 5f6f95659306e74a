"""tuspy as its users run it: its own retries, and a file that remembers addresses.

python send_tuspy.py <origin> <file> <token> <memory>
"""

import sys
from pathlib import Path

from tusclient.client import TusClient
from tusclient.storage.filestorage import FileStorage


def main(origin: str, path: Path, token: str, memory: str) -> None:
    client = TusClient(f"{origin}/files/", headers={"Authorization": f"Bearer {token}"})
    client.uploader(
        str(path),
        metadata={"filename": path.name, "filetype": "audio/flac"},
        retries=50,
        retry_delay=0.2,
        store_url=True,
        url_storage=FileStorage(memory),
    ).upload()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), *sys.argv[3:5])
