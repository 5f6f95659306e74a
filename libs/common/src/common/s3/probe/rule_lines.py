"""The bucket's own rules: which browsers may ask, and what it clears up by itself."""

from typing import Any

from botocore.exceptions import ClientError

from common.s3.failures import code_of
from common.s3.probe.line import Fails, Line, demand
from common.s3.probe.probing import Answer, Probing
from common.s3.probe.rules import EXPOSED, LIVE_DAYS, MAX_AGE, cors_rules, lifecycle_rules

EVIL = "https://evil.example"
# what our pages ask for, each with the headers that a browser asks about before
ASKED = {"PUT": ("content-type", "if-none-match", "x-amz-checksum-sha256"), "GET": (), "HEAD": ()}


async def cors(probing: Probing) -> str:
    """Rules are set only when the operator wishes; read back, then asked as a browser would."""
    origins = probing.wishes.origins
    demand(origins, "no web origins are set (REPRISE_WEB_ORIGINS)")
    if probing.wishes.apply:
        await probing.client.put_bucket_cors(
            Bucket=probing.bucket, CORSConfiguration=cors_rules(origins)
        )
    exposed = await _exposed_by_rules(probing)
    for origin in origins:
        for method in ASKED:
            _check_good(await _preflight(probing, origin, method), origin, method, exposed)
    for method in ASKED:
        evil = await _preflight(probing, EVIL, method)
        allowed = evil.headers.get("access-control-allow-origin")
        demand(allowed not in {EVIL, "*"}, f"a foreign origin is let in by {method}")
    return ""


async def lifecycle(probing: Probing) -> str:
    if probing.wishes.apply:
        await probing.client.put_bucket_lifecycle_configuration(
            Bucket=probing.bucket, LifecycleConfiguration=lifecycle_rules()
        )
    try:
        found = await probing.client.get_bucket_lifecycle_configuration(Bucket=probing.bucket)
    except ClientError as error:
        code = code_of(error)
        raise Fails(f"{code}; the gateway aborts its own multiparts all the same") from error
    days = [_days(rule) for rule in found.get("Rules", []) if _aborts(rule)]
    demand(days, "no rule aborts multiparts that nobody completes")
    demand(min(days) >= LIVE_DAYS, f"uploads that still run are cut off after {min(days)} days")
    return ""


def _aborts(rule: Any) -> bool:
    return "AbortIncompleteMultipartUpload" in rule and rule.get("Status") == "Enabled"


def _days(rule: Any) -> int:
    """Counted from the beginning of a multipart, whatever arrives meanwhile."""
    return int(rule["AbortIncompleteMultipartUpload"].get("DaysAfterInitiation", 0))


async def _exposed_by_rules(probing: Probing) -> set[str]:
    """Headers that pages may read, by the rules that are there."""
    try:
        found = await probing.client.get_bucket_cors(Bucket=probing.bucket)
    except ClientError as error:
        code = code_of(error)
        raise Fails(f"{code}; set them with --apply or by hand (--print-cors)") from error
    rules = found.get("CORSRules", [])
    return {name.lower() for rule in rules for name in rule.get("ExposeHeaders", [])}


async def _preflight(probing: Probing, origin: str, method: str) -> Answer:
    url = probing.url("GET", probing.key("preflight")).partition("?")[0]
    headers = {"Origin": origin, "Access-Control-Request-Method": method}
    if ASKED[method]:
        headers["Access-Control-Request-Headers"] = ",".join(ASKED[method])
    return await probing.send("OPTIONS", url, headers=headers)


def _check_good(answer: Answer, origin: str, method: str, by_rules: set[str]) -> None:
    shown = answer.headers.get("access-control-allow-origin")
    demand(shown in {origin, "*"}, f"a preflight of {method} from {origin} is not allowed")
    age = answer.headers.get("access-control-max-age", "0")
    demand(age.isdecimal() and int(age) >= MAX_AGE, f"browsers may remember it for {age} s only")
    told = answer.headers.get("access-control-expose-headers", "").lower()
    # not every store repeats them in a preflight; then the rules that were read are believed
    exposed = {name.strip() for name in told.split(",")} if told else by_rules
    missing = [name for name in EXPOSED if not {name.lower(), "*"} & exposed]
    demand(not missing, f"not exposed: {', '.join(missing)}")


RULE_LINES = (
    Line("cors", "optional", "browsers of our origins, and no others", cors),
    Line("lifecycle", "optional", "stale multiparts are aborted by the store", lifecycle),
)
