"""Programs that only foreign clients need: installed when the first test asks for them."""

import shutil
import subprocess

from devstack.bootstrap import DEV
from devstack.repository import ROOT
from devstack.system_packages import apt_install, may_install

_HERE = ROOT / "tests" / "clients"
_COPIED = (
    "package.json", "package-lock.json", "send_presigned.mjs", "send_tus_js.mjs", "send_uppy.mjs",
    "uppy_page.js", "uppy_past_page.js", "watched.js",
)  # fmt: skip
_DOCUMENTED = "uppy-past-the-gateway.js"  # what users copy is what the test runs


def program(name: str, *packages: str) -> str:
    """Its path; the system's packages bring it where they may."""
    if (found := shutil.which(name)) is not None:
        return found
    assert shutil.which("apt-get"), f"install {name}, then start again"
    assert may_install(), f"{name} is missing: sudo apt-get install {' '.join(packages)}"
    for step in apt_install(list(packages)):
        subprocess.run(step, stdin=subprocess.DEVNULL, check=True, timeout=600)
    found = shutil.which(name)
    assert found is not None
    return found


def node_folder() -> str:
    """A folder with the pinned packages, our scripts, and a page that a browser can load."""
    program("node", "nodejs", "npm")
    folder = DEV / "clients"
    folder.mkdir(parents=True, exist_ok=True)
    lock = folder / "package-lock.json"
    fresh = not lock.exists() or lock.read_bytes() != (_HERE / lock.name).read_bytes()
    for name in _COPIED:
        shutil.copyfile(_HERE / name, folder / name)
    shutil.copyfile(ROOT / "docs" / _DOCUMENTED, folder / _DOCUMENTED)
    if fresh or not (folder / "node_modules").exists():
        # their install scripts would fetch programs of their own
        _run(folder, program("npm", "npm"), "ci", "--ignore-scripts", "--no-fund", "--no-audit")
    pages = ("uppy_page.js", "uppy_past_page.js")
    bundled = ("--bundle", "--format=esm", "--outdir=page", "--log-level=warning")
    _run(folder, str(folder / "node_modules/.bin/esbuild"), *pages, *bundled)
    return str(folder)


def _run(folder: object, *command: str) -> None:
    subprocess.run(command, cwd=str(folder), stdin=subprocess.DEVNULL, check=True, timeout=300)
