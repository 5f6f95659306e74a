"""Who a token stands for: nobody becomes an operator by accident."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from services.delivery.tests.media import OWNER, an_asset

from common.access import Viewer
from common.tokens import MediaToken, viewer_of
from common.web.callers import user_id_for
from delivery.domain.admission import token_viewer, viewer_in
from delivery.domain.errors import MediaNotFound


def _seen(named: UUID) -> Viewer:
    return viewer_in(an_asset(), MediaToken("priv", "k1", 1, None, viewer_of(named)))


@given(st.binary(max_size=40), st.text(max_size=40), st.text(max_size=40))
def test_no_users_own_id_is_an_operators(key: bytes, issuer: str, subject: str) -> None:
    user = user_id_for(key, issuer, subject)
    assert not _seen(token_viewer(an_asset(), Viewer(user))).admin
    assert _seen(token_viewer(an_asset(), Viewer(user, admin=True))).admin


@pytest.mark.parametrize("admin", [False, True])
@pytest.mark.parametrize("user", [None, UUID(int=(1 << 128) - 1)])
def test_nobody_and_ids_that_are_not_ours_get_no_token(user: UUID | None, admin: bool) -> None:
    with pytest.raises(MediaNotFound):
        token_viewer(an_asset(), Viewer(user, admin=admin))


def test_an_operator_is_the_owner_of_own_media() -> None:
    assert _seen(token_viewer(an_asset(), Viewer(OWNER, admin=True))) == Viewer(OWNER)
