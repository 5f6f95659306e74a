"""The bucket's CORS rules in the words of consoles, for stores whose API does not take them."""

import json
from collections.abc import Sequence
from typing import Literal

from common.s3.probe.rules import cors_rules

Dialect = Literal["aws", "r2"]


def cors_text(dialect: Dialect, origins: Sequence[str]) -> str:
    """JSON to paste: Amazon's console and most others, or Cloudflare R2's own shape."""
    rules = cors_rules(origins)["CORSRules"]
    if dialect == "aws":
        return json.dumps(rules, indent=2)
    return json.dumps([_for_r2(rule) for rule in rules], indent=2)


def _for_r2(rule: dict[str, object]) -> dict[str, object]:
    return {
        "AllowedOrigins": rule["AllowedOrigins"],
        "AllowedMethods": rule["AllowedMethods"],
        "AllowedHeaders": rule["AllowedHeaders"],
        "ExposeHeaders": rule["ExposeHeaders"],
        "MaxAgeSeconds": rule["MaxAgeSeconds"],
    }
