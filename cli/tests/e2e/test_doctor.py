"""`reprise doctor s3` against the store of the running system."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from devstack.stack import Stack

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]


@pytest.mark.req("STO-03")
@pytest.mark.req("STO-04")
@pytest.mark.req("STO-05")
@pytest.mark.req("STO-06")
def test_the_store_of_the_stack_is_examined_and_the_findings_are_kept(stack: Stack) -> None:
    environment = stack.environment("setup") | {"REPRISE_WEB_ORIGINS": "https://app.example"}
    done = subprocess.run(
        [Path(sys.executable).with_name("reprise"), "doctor", "s3", "--apply", "--json"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    found = json.loads(done.stdout)
    assert done.returncode == 0, done.stdout
    assert found["kept"]
    works = {line["name"]: line["works"] for line in found["lines"]}
    assert works["large_object"]
    assert works["presigned_get"]
    assert works["multipart"]
    assert works["cors"]
    # its known defect (local-stack.md): an undigested part that was cut is kept
    assert not works["short_body_refused"]
