from transcoder.domain.tags import clean_tags, cue_sheet


def test_only_known_tags_are_told_and_never_a_place() -> None:
    found = {"TITLE": " A\x00 title ", "location": "+48.2+016.3/", "encoder": "x", "date": "2024"}
    assert clean_tags(found) == {"title": "A title", "date": "2024"}


def test_an_endless_tag_is_cut() -> None:
    assert len(clean_tags({"title": "x" * 10_000})["title"]) == 1000


def test_a_cue_sheet_is_told_whole_or_not_at_all() -> None:
    assert cue_sheet({"CUESHEET": "TRACK 01"}) == "TRACK 01"
    assert cue_sheet({"cuesheet": "x" * 100_000}) is None
    assert cue_sheet({}) is None
