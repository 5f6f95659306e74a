import pytest

from upload_gateway.domain.ways_in import Presigned, presigned_ways


@pytest.mark.parametrize(
    ("offered", "ways"),
    [
        ("", Presigned(put=False, parts=False, plain_parts=False)),
        ("presigned_put", Presigned(put=False, parts=False, plain_parts=False)),
        ("presigned_put digested_put", Presigned(put=True, parts=False, plain_parts=False)),
        ("presigned_parts", Presigned(put=False, parts=False, plain_parts=False)),
        ("short_body_refused", Presigned(put=False, parts=False, plain_parts=False)),
        ("presigned_parts digested_parts", Presigned(put=False, parts=True, plain_parts=False)),
        ("presigned_parts short_body_refused", Presigned(put=False, parts=True, plain_parts=True)),
    ],
)
def test_a_way_is_offered_only_where_a_cut_body_cannot_count(offered: str, ways: Presigned) -> None:
    assert presigned_ways(offered.split()) == ways
