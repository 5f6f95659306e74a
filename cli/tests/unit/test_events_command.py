"""The committed event references say what the models say."""

from pathlib import Path

from typer.testing import CliRunner

from reprise_cli.commands.events import documents, examples
from reprise_cli.main import app

ROOT = Path(__file__).parents[3]
REFERENCE = ROOT / "docs" / "reference"
GOLDENS = ROOT / "libs" / "common" / "tests" / "contract" / "golden"


def test_the_event_references_are_current() -> None:
    for path, text in documents(REFERENCE, examples(GOLDENS)).items():
        assert path.read_text("utf-8") == text, "run `reprise events --write`"


def test_checking_fails_when_a_page_is_not_what_the_models_say(tmp_path: Path) -> None:
    arguments = ["--folder", str(tmp_path), "--goldens", str(GOLDENS)]
    assert CliRunner().invoke(app, ["events", "--write", *arguments]).exit_code == 0
    assert CliRunner().invoke(app, ["events", "--check", *arguments]).exit_code == 0
    (tmp_path / "events.md").write_text("# Events\n")
    assert CliRunner().invoke(app, ["events", "--check", *arguments]).exit_code == 1


def test_without_samples_the_documents_have_no_examples_and_nothing_else_is_missing(
    tmp_path: Path,
) -> None:
    page = documents(tmp_path, examples(tmp_path / "nowhere"))[tmp_path / "events.md"]
    assert "### AssetReady" in page
    assert "Example" not in page
