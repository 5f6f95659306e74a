"""A document that names a file names one that exists."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "services/*/README.md", "devstack/README.md")
    for path in ROOT.glob(pattern)
)
LINK = re.compile(r"\]\(([^)#\s]+)")
NAMED = re.compile(r"`((?:libs|services|deploy|devstack|docs|tests)/[^`\s*<…]+)`")
# patterns and folders that a newcomer is told to make
EXAMPLES = frozenset({"tests/unit/", "tests/integration", "tests/e2e"})


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_to_a_file_of_this_tree(path: Path) -> None:
    targets = [link for link in LINK.findall(path.read_text()) if "://" not in link]
    assert [link for link in targets if not (path.parent / link).exists()] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_file_named_in_text_exists(path: Path) -> None:
    named = set(NAMED.findall(path.read_text())) - EXAMPLES
    places = (ROOT, path.parent)  # a service's own page names files from its own folder
    assert sorted(n for n in named if not any((place / n).exists() for place in places)) == []


def test_every_decision_is_on_one_page_with_its_parts_and_in_the_index() -> None:
    index = (ROOT / "docs" / "README.md").read_text()
    pages = sorted((ROOT / "docs" / "adr").glob("*.md"))
    for number, page in enumerate(pages, start=1):
        text = page.read_text()
        assert page.name.startswith(f"{number:04}-")
        assert f"adr/{page.name}" in index
        for part in ("- Status: ", "- Area: ", "- Date: ", "## Context", "## Decision"):
            assert part in text, (page.name, part)
        for part in ("## Consequences", "## Alternatives", "## References"):
            assert part in text, (page.name, part)
        assert len(text.splitlines()) <= 60
