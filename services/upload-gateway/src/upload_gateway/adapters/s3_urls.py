"""Signed requests to S3, made without asking it."""

from base64 import b64encode
from dataclasses import dataclass
from datetime import timedelta

from common.s3.presign import Presigner
from upload_gateway.domain.presigning import PartAsked, SignedRequest
from upload_gateway.domain.upload import Upload


@dataclass(frozen=True, slots=True)
class S3Urls:
    """For the host that clients reach; `seconds` is how long each URL is good."""

    presigner: Presigner
    seconds: int

    @property
    def lifetime(self) -> timedelta:
        return timedelta(seconds=self.seconds)

    def put(self, upload: Upload) -> SignedRequest:
        size = upload.length or 0
        headers = {
            "Content-Type": upload.likely_type,
            "Content-Length": str(size),
            "If-None-Match": "*",
            "x-amz-checksum-sha256": _base64(upload.declared_sha256 or ""),
        }
        return self._signed(upload, {}, headers, size, 1)

    def part(self, upload: Upload, part: PartAsked) -> SignedRequest:
        size = upload.plan.size_of(part.number)
        query = {"partNumber": str(part.number), "uploadId": upload.multipart_id or ""}
        headers = {"Content-Length": str(size)}
        if part.sha256 is not None:
            headers["x-amz-checksum-sha256"] = _base64(part.sha256)
        return self._signed(upload, query, headers, size, part.number)

    def _signed(
        self, upload: Upload, query: dict[str, str], headers: dict[str, str], size: int, number: int
    ) -> SignedRequest:
        signed = {name.lower(): value for name, value in headers.items()}
        url = self.presigner.url(
            "PUT", upload.key, expires=self.seconds, query=query, headers=signed
        )
        return SignedRequest("PUT", url, headers, size, number)


def _base64(hex_digits: str) -> str:
    return b64encode(bytes.fromhex(hex_digits)).decode()
