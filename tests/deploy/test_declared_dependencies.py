"""Each service runs with what its own hashed requirements bring, leaning on no neighbour."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UV = ROOT / ".dev" / "uv" / "bin" / "uv"
SERVICES = sorted(folder.name for folder in (ROOT / "services").iterdir() if folder.is_dir())
IMPORT_ALL = """
import importlib, pkgutil, sys
package = importlib.import_module(sys.argv[1])
for module in pkgutil.walk_packages(package.__path__, sys.argv[1] + "."):
    if ".migrations" not in module.name:
        importlib.import_module(module.name)
foreign = [name for name in sys.argv[2:] if importlib.util.find_spec(name)]
assert not foreign, f"also found: {foreign}"
"""


def run(*words: str | Path) -> None:
    done = subprocess.run(
        [str(word) for word in words], capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.integration
@pytest.mark.timeout(300)
@pytest.mark.parametrize("service", SERVICES)
def test_a_service_imports_with_its_own_requirements_alone(service: str, tmp_path: Path) -> None:
    python = tmp_path / "venv" / "bin" / "python"
    run(UV, "venv", "-q", "--python", sys.executable, tmp_path / "venv")
    install = (UV, "pip", "install", "-q", "--python", python)
    run(*install, "--require-hashes", "-r", ROOT / "requirements" / f"{service}.txt")
    members = ("-e", ROOT / "libs" / "common", "-e", ROOT / "services" / service)
    run(*install, "--no-deps", "--no-build-isolation", *members)
    package = service.replace("-", "_")
    others = [name.replace("-", "_") for name in SERVICES if name != service]
    run(python, "-I", "-c", IMPORT_ALL, package, *others)
