"""Images are small, run as nobody, stop when told, and only one of them carries ffmpeg."""

from pathlib import Path

import pytest
from tests.deploy.dockerfiles import FILES, ROOT, SERVICES, instructions, stages, the

IMAGES = pytest.mark.parametrize("path", FILES.values(), ids=FILES.keys())
MEDIA_PROGRAMS = ("ffmpeg", "ffprobe", "bubblewrap", "bwrap")


def test_every_service_and_the_setup_job_have_an_image() -> None:
    assert {path.name for path in (ROOT / "services").iterdir() if path.is_dir()} == set(SERVICES)
    assert all(path.is_file() for path in FILES.values())


@pytest.mark.req("TRX-08")
def test_only_the_transcoders_image_carries_ffmpeg_and_the_decision_is_recorded() -> None:
    carriers = {
        name
        for name, path in FILES.items()
        for instruction in instructions(path)
        if any(program in instruction.text for program in MEDIA_PROGRAMS)
    }
    assert carriers == {"transcoder"}
    assert "Status: accepted" in next((ROOT / "docs" / "adr").glob("0007-*.md")).read_text()


def test_no_other_dockerfile_hides_in_the_tree() -> None:
    ours = ("libs", "services", "cli", "devstack", "deploy", "docs", "tests")
    found = {file for folder in ours for file in (ROOT / folder).rglob("*Dockerfile*")}
    assert found == set(FILES.values())


def test_no_pinned_package_brings_ffmpeg_into_another_image() -> None:
    for name in FILES.keys() - {"transcoder"}:
        pins = (ROOT / "requirements" / f"{name}.txt").read_text().splitlines()
        packages = {line.split("==")[0] for line in pins if "==" in line}
        assert packages.isdisjoint({"imageio-ffmpeg", "static-ffmpeg", "av", "ffmpeg-binaries"})


@IMAGES
def test_the_last_user_is_a_number_that_is_not_root(path: Path) -> None:
    final = stages(path)[-1]
    assert the("USER", final).text == "10001:10001"
    after = final[final.index(the("USER", final)) :]
    assert not [instruction for instruction in after if instruction.name in {"RUN", "COPY", "ADD"}]


@IMAGES
def test_the_program_is_process_one_and_gets_the_signals(path: Path) -> None:
    final = stages(path)[-1]
    entry = the("ENTRYPOINT", final).exec_form()
    assert entry is not None
    assert entry[0] not in {"sh", "bash", "/bin/sh"}
    for instruction in final:
        if instruction.name == "CMD":
            assert instruction.exec_form() is not None


@IMAGES
def test_nothing_needs_a_newer_builder_than_the_classic_one(path: Path) -> None:
    for instruction in instructions(path):
        assert "--mount=" not in instruction.text
        assert "--link" not in instruction.text
        assert "<<" not in instruction.text
        assert not instruction.text.startswith("--from=$")


@IMAGES
def test_every_stage_begins_at_the_one_python_image_or_at_a_named_stage(path: Path) -> None:
    assert "ARG PYTHON_IMAGE=python:3.11-slim-bookworm" in path.read_text().splitlines()
    sources = {stage[0].text.split()[0] for stage in stages(path)}
    assert sources <= {"${PYTHON_IMAGE}", "${MEDIA_IMAGE}"}


@pytest.mark.parametrize("name", FILES)
def test_dependencies_are_hashed_and_of_this_image_alone_and_come_before_sources(name: str) -> None:
    builder = stages(FILES[name])[0]
    texts = [instruction.text for instruction in builder]
    pins = texts.index(f"COPY requirements/{name}.txt requirements/{name}.txt".split(" ", 1)[1])
    synced = next(n for n, text in enumerate(texts) if "pip sync --require-hashes" in text)
    sources = texts.index("libs/common libs/common")
    assert pins < synced < sources
    install = texts[-1]
    assert "--no-deps --no-build-isolation" in install
    assert " -e " not in install
    assert "--require-hashes -r requirements/uv.txt" in " ".join(texts)


@IMAGES
def test_the_running_image_has_no_build_tool(path: Path) -> None:
    final = stages(path)[-1]
    copied = [i.text for i in final if i.name == "COPY"]
    assert copied == ["--from=builder /opt/reprise /opt/reprise"]
    assert not any("/opt/uv" in instruction.text for instruction in final)


@IMAGES
def test_labels_say_what_it_is(path: Path) -> None:
    labels = the("LABEL", stages(path)[-1]).text
    for label in ("title", "description", "licenses", "version", "revision"):
        assert f"org.opencontainers.image.{label}=" in labels


@pytest.mark.parametrize("name", SERVICES)
def test_the_health_check_uses_what_the_image_has(name: str) -> None:
    check = the("HEALTHCHECK", stages(FILES[name])[-1]).text
    assert ' CMD ["python", "-c", ' in f" {check}"
    assert "/livez" in check


def test_the_build_context_is_an_allow_list_without_data_or_secrets() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    allowed = {rule for rule in rules if rule.startswith("!")}
    assert allowed == {"!requirements/*.txt", "!libs", "!services", "!cli"}
