"""The one request that the probe writes by hand, since it shall end too soon."""

import pytest

from common.s3.probe.probing import put_head


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://s3.example:443/media/key", "s3.example"),
        ("http://s3.example:80/media/key", "s3.example"),
        ("http://s3.example:9000/media/key", "s3.example:9000"),
        ("https://[2001:db8::1]:443/media/key", "[2001:db8::1]"),
    ],
)
def test_a_cut_request_names_the_host_that_was_signed(url: str, host: str) -> None:
    lines = put_head(url, 7, {"if-none-match": "*"}).decode().split("\r\n")
    assert lines[0] == "PUT /media/key HTTP/1.1"
    assert lines[1:] == [f"Host: {host}", "Content-Length: 7", "if-none-match: *", "", ""]


def test_a_query_goes_along_as_it_was_signed() -> None:
    head = put_head("https://s3.example/media/a%20key?partNumber=1&X-Amz-Date=2", 1, {})
    assert head.startswith(b"PUT /media/a%20key?partNumber=1&X-Amz-Date=2 HTTP/1.1\r\n")
