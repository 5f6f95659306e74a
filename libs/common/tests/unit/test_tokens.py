import base64
import hmac
import string
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given
from hypothesis import strategies as st

from common.errors import Invalid, Unauthenticated
from common.tokens import (
    LEEWAY,
    BadReceipt,
    KeyRing,
    MediaTokens,
    Receipt,
    Receipts,
    TokenExpired,
    TokenMissing,
    TokenRestricted,
    hkdf,
    viewer_of,
)

KEY = "u/01890a5d-ac96-774b-bcce-b302099a8057/mp3-192-0123456789abcdef.mp3"
USER = UUID("6f1f9f0e-51a5-4d0c-9a3a-0a7d6c1c2f11")
NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
EXPIRY = NOW + timedelta(seconds=600)
PRIVATE = KeyRing.parse("k1:" + "a" * 32)
PUBLIC = KeyRing.parse("p1:" + "b" * 32)
TOKENS = MediaTokens(PRIVATE, PUBLIC)
PRIVATE_TOKEN = TOKENS.private(KEY, generation=3, viewer=USER, expires_at=EXPIRY)
PUBLIC_TOKEN = TOKENS.public(KEY, generation=3)
BOTH = pytest.mark.parametrize("token", [PRIVATE_TOKEN, PUBLIC_TOKEN], ids=["private", "public"])
URL_SAFE = string.ascii_letters + string.digits + "-_.~"


def test_the_formats_are_frozen() -> None:
    assert PRIVATE_TOKEN == "v1.k1.priv.3.1767269400.bx-fDlGlTQw.yhjK06tsSN_7jTQHtRq33hpF"
    assert PUBLIC_TOKEN == "v1.p1.pub.3.-bcdgfgOE4yddvpe5hHzMSkQ"


def test_the_mac_is_what_the_design_says() -> None:
    body, mac = PUBLIC_TOKEN.rsplit(".", 1)
    purpose = "reprise media public v1"
    statement = "".join(f"{len(part)}:{part}" for part in (purpose, KEY, body))
    key = HKDF(SHA256(), 32, None, purpose.encode()).derive(b"b" * 32)
    digest = hmac.new(key, statement.encode(), sha256).digest()
    assert base64.urlsafe_b64encode(digest[:18]).decode() == mac


def test_a_mac_has_at_least_128_bits_and_no_spare_ones() -> None:
    for token in (PRIVATE_TOKEN, PUBLIC_TOKEN):
        mac = token.rsplit(".", 1)[1]
        assert len(mac) * 6 == 144


def test_a_private_token_says_who_until_when_and_which_generation() -> None:
    token = TOKENS.verify(PRIVATE_TOKEN, KEY, now=NOW)
    assert (token.mode, token.kid, token.generation) == ("priv", "k1", 3)
    assert token.viewer == viewer_of(USER) == USER.bytes[:8]
    assert token.expires_at == EXPIRY


def test_a_public_token_is_stable_and_says_its_generation() -> None:
    token = TOKENS.verify(PUBLIC_TOKEN, KEY, now=NOW + timedelta(days=3650))
    assert (token.mode, token.kid, token.generation) == ("pub", "p1", 3)
    assert (token.viewer, token.expires_at) == (None, None)
    assert TOKENS.public(KEY, generation=3) == PUBLIC_TOKEN


@BOTH
def test_every_changed_character_makes_it_restricted(token: str) -> None:
    for at, was in enumerate(token):
        for other in URL_SAFE:
            if other != was:
                with pytest.raises(TokenRestricted):
                    TOKENS.verify(token[:at] + other + token[at + 1 :], KEY, now=NOW)


@BOTH
def test_every_cut_or_longer_token_is_restricted(token: str) -> None:
    for at in range(1, len(token)):
        with pytest.raises(TokenRestricted):
            TOKENS.verify(token[:at], KEY, now=NOW)
        with pytest.raises(TokenRestricted):
            TOKENS.verify(token[at:], KEY, now=NOW)
    for tail in ("A", "=", ".", ".x", " ", "\n", "\x00"):
        with pytest.raises(TokenRestricted):
            TOKENS.verify(token + tail, KEY, now=NOW)


@BOTH
def test_it_opens_nothing_else(token: str) -> None:
    for key in (KEY + "x", KEY[:-1], KEY.upper(), "", "/" + KEY):
        with pytest.raises(TokenRestricted):
            TOKENS.verify(token, key, now=NOW)


@BOTH
def test_another_key_of_the_same_name_refuses_it(token: str) -> None:
    others = MediaTokens(KeyRing.parse("k1:" + "c" * 32), KeyRing.parse("p1:" + "d" * 32))
    with pytest.raises(TokenRestricted):
        others.verify(token, KEY, now=NOW)


def test_the_two_modes_share_nothing_even_with_one_secret() -> None:
    same = MediaTokens(KeyRing.parse("k1:" + "a" * 32), KeyRing.parse("k1:" + "a" * 32))
    public = same.public(KEY, generation=3)
    private = same.private(KEY, generation=3, viewer=USER, expires_at=EXPIRY)
    for forged in (
        public.replace("pub", "priv"),
        private.replace("priv", "pub"),
        f"v1.k1.pub.3.{private.rsplit('.', 1)[1]}",
        f"v1.k1.priv.3.{int(EXPIRY.timestamp())}.bx-fDlGlTQw.{public.rsplit('.', 1)[1]}",
    ):
        with pytest.raises(TokenRestricted):
            same.verify(forged, KEY, now=NOW)


@pytest.mark.parametrize("token", [None, ""])
def test_no_token_is_told_as_restricted_too(token: str | None) -> None:
    with pytest.raises(TokenMissing) as missing:
        TOKENS.verify(token, KEY, now=NOW)
    assert missing.value.code == "restricted"
    assert isinstance(missing.value, Unauthenticated)


@pytest.mark.parametrize(
    ("late", "expired"), [(-0.001, False), (0, True), (0.001, True), (86_400, True)]
)
def test_it_lives_until_its_expiry_and_the_leeway(late: float, expired: bool) -> None:
    now = EXPIRY + LEEWAY + timedelta(seconds=late)
    if not expired:
        TOKENS.verify(PRIVATE_TOKEN, KEY, now=now)
        return
    with pytest.raises(TokenExpired) as over:
        TOKENS.verify(PRIVATE_TOKEN, KEY, now=now)
    assert over.value.code == "expired"


def test_the_leeway_can_be_none() -> None:
    TOKENS.verify(PRIVATE_TOKEN, KEY, now=EXPIRY - timedelta(seconds=1), leeway=timedelta(0))
    with pytest.raises(TokenExpired):
        TOKENS.verify(PRIVATE_TOKEN, KEY, now=EXPIRY, leeway=timedelta(0))


def test_a_forged_token_is_restricted_even_when_it_is_old() -> None:
    with pytest.raises(TokenRestricted):
        TOKENS.verify(PRIVATE_TOKEN[:-1] + "A", KEY, now=EXPIRY + timedelta(days=9))


def test_a_rotated_key_verifies_until_it_is_taken_out() -> None:
    rotated = KeyRing.parse("k2:" + "n" * 32 + ",k1:" + "a" * 32)
    tokens = MediaTokens(rotated, PUBLIC)
    assert tokens.verify(PRIVATE_TOKEN, KEY, now=NOW).kid == "k1"
    fresh = tokens.private(KEY, generation=3, viewer=USER, expires_at=EXPIRY)
    assert tokens.verify(fresh, KEY, now=NOW).kid == "k2"
    without = MediaTokens(KeyRing.parse("k2:" + "n" * 32), PUBLIC)
    with pytest.raises(TokenRestricted):
        without.verify(PRIVATE_TOKEN, KEY, now=NOW)


@given(
    key=st.text(max_size=200),
    generation=st.integers(1, 2**63),
    viewer=st.uuids(),
    seconds=st.integers(1, 3600),
)
def test_what_is_made_is_verified(key: str, generation: int, viewer: UUID, seconds: int) -> None:
    expires = NOW + timedelta(seconds=seconds)
    made = TOKENS.private(key, generation=generation, viewer=viewer, expires_at=expires)
    token = TOKENS.verify(made, key, now=NOW)
    assert (token.generation, token.viewer) == (generation, viewer_of(viewer))
    public = TOKENS.verify(TOKENS.public(key, generation=generation), key, now=NOW)
    assert public.generation == generation


@given(token=st.text(max_size=300))
def test_any_text_is_restricted_and_nothing_worse(token: str) -> None:
    with pytest.raises(TokenRestricted):
        TOKENS.verify(token, KEY, now=NOW)


@given(fields=st.lists(st.text(alphabet=URL_SAFE, max_size=12), min_size=2, max_size=4))
def test_any_token_shaped_text_is_restricted(fields: list[str]) -> None:
    for mode in ("pub", "priv"):
        with pytest.raises(TokenRestricted):
            TOKENS.verify(".".join(["v1", "k1", mode, *fields]), KEY, now=NOW)


def test_keys_and_fields_cannot_be_shifted_into_each_other() -> None:
    one = TOKENS.public("a", generation=11)
    assert one.rsplit(".", 1)[1] != TOKENS.public("a1", generation=1).rsplit(".", 1)[1]


@pytest.mark.parametrize("text", ["", "k1", "k1:", ":secret", "k1:a,k1:b", "k1:a,", "k1:a,,k2:b"])
def test_a_bad_ring_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(Invalid) as bad:
        KeyRing.parse(text)
    assert "secret]" in str(bad.value)


def test_a_ring_shows_no_secret() -> None:
    ring = KeyRing.parse("k1:topsecret,k2:othersecret")
    assert "secret" not in repr(ring)
    assert (ring.active, ring.key("k2"), ring.key("k3")) == ("k1", b"othersecret", None)


@given(secret=st.binary(min_size=1, max_size=80), info=st.binary(max_size=40))
def test_keys_are_derived_by_hkdf(secret: bytes, info: bytes) -> None:
    assert hkdf(secret, info) == HKDF(SHA256(), 32, None, info).derive(secret)
    assert hkdf(secret, info) != hmac.new(secret, info, sha256).digest()


RECEIPT = Receipt(
    upload_id=UUID(int=1),
    asset_id=UUID(int=2),
    user_id=USER,
    kind="audio",
    key=KEY,
    sha256="0" * 64,
    size=123,
    content_type="audio/flac",
    parent=None,
    sequence=4,
)
RECEIPTS = Receipts(KeyRing.parse("r1:" + "e" * 32))
ISSUED = RECEIPTS.issue(RECEIPT, now=NOW)


def test_a_receipt_comes_back_as_it_was() -> None:
    assert RECEIPTS.verify(ISSUED, now=NOW) == RECEIPT
    with_parent = replace(RECEIPT, parent="post")
    assert RECEIPTS.verify(RECEIPTS.issue(with_parent, now=NOW), now=NOW) == with_parent


def test_a_receipt_is_good_for_one_hour() -> None:
    RECEIPTS.verify(ISSUED, now=NOW + timedelta(seconds=3599))
    with pytest.raises(BadReceipt) as old:
        RECEIPTS.verify(ISSUED, now=NOW + timedelta(hours=1))
    assert old.value.code == "receipt_expired"


def test_every_changed_character_spoils_a_receipt() -> None:
    for at, was in enumerate(ISSUED):
        changed = ISSUED[:at] + ("A" if was != "A" else "B") + ISSUED[at + 1 :]
        with pytest.raises(BadReceipt) as spoilt:
            RECEIPTS.verify(changed, now=NOW)
        assert spoilt.value.code == "receipt_invalid"


@given(text=st.text(max_size=200))
def test_any_text_is_no_receipt(text: str) -> None:
    with pytest.raises(BadReceipt):
        RECEIPTS.verify(text, now=NOW)


def test_a_receipt_opens_no_media_and_a_token_is_no_receipt() -> None:
    ring = KeyRing.parse("k1:" + "a" * 32)
    receipts, tokens = Receipts(ring), MediaTokens(ring, ring)
    with pytest.raises(TokenRestricted):
        tokens.verify(receipts.issue(RECEIPT, now=NOW), KEY, now=NOW)
    with pytest.raises(BadReceipt):
        receipts.verify(tokens.public(KEY, generation=1), now=NOW)
