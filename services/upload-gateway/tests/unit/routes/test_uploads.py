from uuid import UUID

import pytest

from common.ids import UploadId
from upload_gateway.domain.errors import UploadNotFound
from upload_gateway.routes.uploads import upload_id_of

ID = UploadId(UUID("e81f1346-93b1-4406-a3c0-2ed08fd8c15f"))  # one for all processes: it names tests


def test_an_address_is_read_as_it_was_given_out() -> None:
    assert upload_id_of(str(ID)) == upload_id_of(str(ID).upper()) == ID


@pytest.mark.parametrize(
    "text", [f"{{{ID}}}", f"urn:uuid:{ID}", ID.hex, f"{ID}-", f" {ID}", "", "\ud800", "\0"]
)
def test_another_way_to_write_an_id_is_no_address(text: str) -> None:
    with pytest.raises(UploadNotFound):
        upload_id_of(text)
