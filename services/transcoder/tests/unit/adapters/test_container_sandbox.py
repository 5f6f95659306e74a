import pytest

from transcoder.adapters.container_sandbox import ContainerSandbox
from transcoder.adapters.sandbox import SandboxUnavailable

WALLED = {"Uid": "1000\t1000", "CapEff": "0" * 16, "NoNewPrivs": "1", "Seccomp": "2"}


def test_a_confined_container_is_accepted() -> None:
    ContainerSandbox(facts=WALLED).require_walls()


@pytest.mark.parametrize(
    ("fact", "value", "sentence"),
    [
        ("Uid", "0\t0", "runs as root"),
        ("CapEff", "000001ffffffffff", "has capabilities"),
        ("NoNewPrivs", "0", "may gain privileges"),
        ("Seccomp", "0", "no system call filter"),
    ],
)
def test_a_place_without_walls_is_refused(fact: str, value: str, sentence: str) -> None:
    with pytest.raises(SandboxUnavailable, match=sentence):
        ContainerSandbox(facts=WALLED | {fact: value}).require_walls()
