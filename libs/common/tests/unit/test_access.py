from itertools import product
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.access import (
    CIRCLE,
    OWNER,
    PUBLIC,
    VISIBLE_STATES,
    Subject,
    Viewer,
    may_download,
    may_stream,
    may_view,
)

OWNER_ID, MEMBER, STRANGER, BLOCKED = (UUID(int=number) for number in range(1, 5))
VIEWERS = {
    "owner": Viewer(OWNER_ID),
    "member": Viewer(MEMBER),
    "stranger": Viewer(STRANGER),
    "blocked member": Viewer(BLOCKED),
    "admin": Viewer(STRANGER, admin=True),
    "nobody": Viewer(None),
}
MAY = {
    PUBLIC: {"owner", "member", "stranger", "admin", "nobody"},
    CIRCLE: {"owner", "member", "admin"},
    OWNER: {"owner", "admin"},
    "something new": {"owner", "admin"},
}


def subject(visibility: str, state: str = "ready", policy: str = "on-request") -> Subject:
    return Subject(
        OWNER_ID,
        state,
        visibility,
        members=frozenset({MEMBER, BLOCKED}),
        blocked=frozenset({BLOCKED}),
        original_policy=policy,
    )


@pytest.mark.parametrize(("visibility", "name"), list(product(MAY, VIEWERS)))
def test_the_table_of_who_sees_what(visibility: str, name: str) -> None:
    assert may_view(VIEWERS[name], subject(visibility)) == (name in MAY[visibility])


@pytest.mark.parametrize("state", ["uploading", "failed", "deleted", "purging", "purged", "new"])
@pytest.mark.parametrize("name", VIEWERS)
def test_what_is_not_alive_is_seen_by_nobody(state: str, name: str) -> None:
    assert not may_view(VIEWERS[name], subject(PUBLIC, state))


@pytest.mark.parametrize(
    ("policy", "name", "original"),
    [
        ("never", "owner", True),
        ("never", "member", False),
        ("never", "admin", False),
        ("on-request", "member", True),
        ("always", "member", True),
    ],
)
def test_the_original_is_streamed_as_its_policy_says(
    policy: str, name: str, original: bool
) -> None:
    thing = subject(CIRCLE, policy=policy)
    assert may_stream(VIEWERS[name], thing)
    assert may_stream(VIEWERS[name], thing, original=True) == original


ANYBODY = st.builds(Viewer, st.none() | st.uuids(), st.booleans())
ANYTHING = st.builds(
    Subject,
    owner=st.uuids(),
    state=st.sampled_from([*sorted(VISIBLE_STATES), "deleted", "purged"]),
    visibility=st.sampled_from([PUBLIC, OWNER, CIRCLE, "else"]),
    members=st.frozensets(st.uuids(), max_size=3),
    blocked=st.frozensets(st.uuids(), max_size=3),
    original_policy=st.sampled_from(["never", "on-request", "always"]),
)


@given(viewer=ANYBODY, thing=ANYTHING)
def test_nobody_plays_or_downloads_what_he_may_not_see(viewer: Viewer, thing: Subject) -> None:
    if not may_view(viewer, thing):
        assert not may_stream(viewer, thing)
        assert not may_stream(viewer, thing, original=True)
        assert not may_download(viewer, thing)
