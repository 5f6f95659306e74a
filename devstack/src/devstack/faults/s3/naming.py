"""Which S3 operation a request is: by method, path and query, as AWS tells them apart."""

from collections.abc import Mapping

_BUCKET = {
    ("GET", "uploads"): "ListMultipartUploads",
    ("GET", "cors"): "GetBucketCors",
    ("PUT", "cors"): "PutBucketCors",
    ("DELETE", "cors"): "DeleteBucketCors",
    ("GET", "lifecycle"): "GetBucketLifecycle",
    ("PUT", "lifecycle"): "PutBucketLifecycle",
    ("DELETE", "lifecycle"): "DeleteBucketLifecycle",
    ("GET", "location"): "GetBucketLocation",
    ("GET", "list-type"): "ListObjectsV2",
    ("POST", "delete"): "DeleteObjects",
}
_BUCKET_PLAIN = {"HEAD": "HeadBucket", "PUT": "CreateBucket", "DELETE": "DeleteBucket"}
_OBJECT = {
    ("POST", "uploads"): "CreateMultipartUpload",
    ("POST", "uploadId"): "CompleteMultipartUpload",
    ("DELETE", "uploadId"): "AbortMultipartUpload",
    ("GET", "uploadId"): "ListParts",
    ("PUT", "partNumber"): "UploadPart",
}
_OBJECT_PLAIN = {
    "GET": "GetObject",
    "HEAD": "HeadObject",
    "PUT": "PutObject",
    "DELETE": "DeleteObject",
}


def operation_of(
    method: str, key: str, query: Mapping[str, str], headers: Mapping[str, str]
) -> str:
    """S3's own name of the operation, or "Unknown"."""
    if method == "OPTIONS":
        return "Preflight"
    table, plain = (_OBJECT, _OBJECT_PLAIN) if key else (_BUCKET, _BUCKET_PLAIN)
    found = next((table[method, name] for name in query if (method, name) in table), None)
    found = found or plain.get(method, "Unknown")
    if "x-amz-copy-source" in headers:
        return {"PutObject": "CopyObject", "UploadPart": "UploadPartCopy"}.get(found, found)
    return found
