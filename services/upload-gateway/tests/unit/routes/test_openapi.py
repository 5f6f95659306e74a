import httpx
import pytest
from gateway_support.documented import document, documented

OPERATIONS = [
    (f"{method} {path}", operation)
    for path, operations in document()["paths"].items()
    for method, operation in operations.items()
]
ids = [name for name, _ in OPERATIONS]
each = pytest.mark.parametrize("operation", [found for _, found in OPERATIONS], ids=ids)


@each
def test_every_refusal_is_a_problem_document(
    operation: dict[str, dict[str, dict[str, dict[str, object]]]],
) -> None:
    refused = {k: said for k, said in operation["responses"].items() if k[0] in "45"}
    for said in refused.values():
        assert said["content"].keys() == {"application/problem+json"}
    assert ("401" in refused) is ("security" in operation)


def test_an_answer_that_is_not_written_down_is_noticed() -> None:
    def answered(status: int, method: str, path: str) -> httpx.Response:
        return httpx.Response(status, request=httpx.Request(method, f"http://gateway{path}"))

    documented(answered(404, "GET", "/api/v1/uploads/x"))
    documented(answered(405, "PUT", "/api/v1/uploads/x"))
    for status, method, path in (
        (404, "GET", "/api/v1/uploads/config"),
        (418, "POST", "/api/v1/media/commit"),
    ):
        with pytest.raises(AssertionError, match=str(status)):
            documented(answered(status, method, path))
