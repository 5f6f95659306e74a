"""Takes capabilities and secrets out of text before it leaves the process (design rule 10)."""

import re
from collections.abc import Mapping

SCRUBBED = "[scrubbed]"

# one alternation, each branch with what may stay in a group of its own
_SECRETS = re.compile(
    r"""
    (?P<query>[?&;](?:t|token|receipt|access_token|password|secret|key_id)=)[^&;\s"'<>\\]+
  | (?P<amz>X-Amz-[A-Za-z0-9-]+(?:=|["']?:\s*["']?|%3D))[^&\s"'<>,\\]+
  | (?P<aws>\b(?:Credential|Signature)=)[^,&\s"'<>\\]+
  | (?P<header>\b(?:authorization|cookie|set-cookie|proxy-authorization)
        (?:["']?\s*[:=]\s*(?:b?["'])?|["']\s*,\s*b?["']))
        (?:(?:bearer|basic|digest|AWS4-HMAC-SHA256)\s+)?[^"'\r\n<>\\]+
  | (?P<bearer>\bBearer\s+)[A-Za-z0-9._~+/=-]{8,}
  | (?P<files>/(?:files|uploads)/)[A-Za-z0-9._~%+{}:-]+
  | (?P<password>://[^:/@\s]*:)[^\s/]+(?=@)
  | (?P<named>\b\w*(?:password|secret|secret_access_key)(?:["']?=["']?|["']:\s*b?["']))
        [^\s"'<>\\&,;]+
  | v1\.[A-Za-z0-9_-]+\.(?:pub|priv)\.[A-Za-z0-9_.-]+
  | (?:\b|(?<=%[0-9a-f]{2}))r1\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{16,}(?:\.[A-Za-z0-9_-]+)?
  | (?:\b|(?<=%[0-9a-f]{2}))eyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)?
    """,
    re.VERBOSE | re.IGNORECASE,
)
_SECRET_NAME = re.compile(
    r"authorization|cookie|password|secret|token|receipt|signature|credential|x-amz-|bearer|api[-_]?key",
    re.IGNORECASE,
)


def scrub(text: str) -> str:
    """The text without tokens, signatures, bearers, passwords and upload URLs."""
    return _SECRETS.sub(_replacement, text)


def scrub_value(value: object) -> object:
    """The same for any value; containers are walked, other objects are printed."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return scrub(value)
    if isinstance(value, Mapping):
        return scrub_mapping(value)
    if isinstance(value, list | tuple | set | frozenset):
        return [scrub_value(item) for item in value]
    return scrub(str(value))


def scrub_mapping(mapping: Mapping[str, object]) -> dict[str, object]:
    """A copy in which values under telling names are gone and all others are scrubbed."""
    return {
        scrub(str(name)): SCRUBBED if is_secret_name(str(name)) and value else scrub_value(value)
        for name, value in mapping.items()
    }


def is_secret_name(name: str) -> bool:
    """Whether a value under this name must never be shown."""
    return _SECRET_NAME.search(name) is not None


def _replacement(match: re.Match[str]) -> str:
    return (match.group(match.lastgroup) if match.lastgroup else "") + SCRUBBED
