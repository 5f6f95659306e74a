"""Which uploads past the gateway a store allows; tus needs nothing of it and is always there."""

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Presigned:
    """`put`: one signed request; `parts`: a multipart; `plain_parts`: parts without a digest."""

    put: bool
    parts: bool
    plain_parts: bool


def presigned_ways(offered: Collection[str]) -> Presigned:
    """What the probe lines that passed allow (design §1.7): a cut body must never count as whole.

    So either the signature holds a digest and the store compares it, or the store is known to
    refuse a body that ends too soon.
    """
    parts = "presigned_parts" in offered
    plain = parts and "short_body_refused" in offered
    return Presigned(
        put={"presigned_put", "digested_put"} <= set(offered),
        parts=plain or (parts and "digested_parts" in offered),
        plain_parts=plain,
    )
