"""Ranges and conditions of reads: what delivery asks of the store."""

from common.s3.probe.line import Line, demand
from common.s3.probe.object_lines import TYPE
from common.s3.probe.probing import Answer, Probing
from common.s3.probe.settling import BODY


async def _asked(probing: Probing, value: str, **more: str) -> Answer:
    key = probing.key("ranges")
    if await probing.store.head(key) is None:
        await probing.store.put(key, BODY, content_type=TYPE)
    names = {"match": "if-match", "none_match": "if-none-match", "if_range": "if-range"}
    headers = {names[name]: text for name, text in more.items()}
    if value:
        headers["range"] = value
    return await probing.send("GET", probing.url("GET", key), headers=headers)


async def ranges(probing: Probing) -> str:
    for value, expected in (
        ("bytes=0-9", BODY[:10]),
        ("bytes=1000-", BODY[1000:]),
        ("bytes=100-999999999", BODY[100:]),
        ("bytes=0-0", BODY[:1]),
    ):
        answer = await _asked(probing, value)
        demand(answer.status == 206, f"{value} gave {answer.status}")
        demand(answer.body == expected, f"{value} gave {len(answer.body)} bytes, or other ones")
    beyond = await _asked(probing, f"bytes={len(BODY)}-")
    demand(beyond.status == 416, f"a range past the end gave {beyond.status}")
    return ""


async def suffix_ranges(probing: Probing) -> str:
    answer = await _asked(probing, "bytes=-100")
    demand(answer.status == 206 and answer.body == BODY[-100:], f"gave {answer.status}")
    return ""


async def several_ranges(probing: Probing) -> str:
    answer = await _asked(probing, "bytes=0-1,10-11")
    kind = answer.headers.get("content-type", "")
    return f"{answer.status} {kind if answer.status == 206 else ''}".strip()


async def reads_with_if_match(probing: Probing) -> str:
    """What keeps a range of one object from being joined with a range of its successor."""
    etag = (await _asked(probing, "bytes=0-0")).headers.get("etag", "")
    right = await _asked(probing, "bytes=0-9", match=etag)
    wrong = await _asked(probing, "bytes=0-9", match='"0123456789abcdef"')
    demand(right.status == 206, f"with the right ETag {right.status}")
    demand(wrong.status == 412, f"with another ETag {wrong.status}")
    return ""


async def reads_with_if_none_match(probing: Probing) -> str:
    etag = (await _asked(probing, "bytes=0-0")).headers.get("etag", "")
    answer = await _asked(probing, "", none_match=etag)
    demand(answer.status == 304, f"gave {answer.status}")
    return ""


async def reads_with_if_range(probing: Probing) -> str:
    answer = await _asked(probing, "bytes=0-9", if_range='"0123456789abcdef"')
    return "honoured" if answer.status == 200 else f"ignored ({answer.status})"


RANGE_LINES = (
    Line("ranges", "required", "single ranges, clamped; 416 past the end", ranges),
    Line("suffix_ranges", "optional", "the last n bytes", suffix_ranges),
    Line("multi_range", "reported", "several ranges at once", several_ranges),
    Line("if_match", "required", "a read of another version is refused", reads_with_if_match),
    Line("if_none_match", "optional", "304 for what the asker has", reads_with_if_none_match),
    Line("if_range", "reported", "If-Range", reads_with_if_range),
)
