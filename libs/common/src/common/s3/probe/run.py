"""Asks a store everything the platform needs to know of it, line by line."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import aiohttp
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

from common.errors import RepriseError
from common.s3.probe.line import Fails, Finding, Line
from common.s3.probe.multipart_lines import MULTIPART_LINES
from common.s3.probe.object_lines import OBJECT_LINES
from common.s3.probe.presign_lines import PRESIGN_LINES
from common.s3.probe.probing import Probing
from common.s3.probe.range_lines import RANGE_LINES
from common.s3.probe.rule_lines import RULE_LINES

LINES: tuple[Line, ...] = (
    *OBJECT_LINES,
    *RANGE_LINES,
    *PRESIGN_LINES,
    *MULTIPART_LINES,
    *RULE_LINES,
)
LINE_TIMEOUT = 120.0  # seconds; the large object on a slow line is the longest


async def findings(probing: Probing, lines: Sequence[Line] = LINES) -> AsyncIterator[Finding]:
    """One finding for each line, in order; a line that breaks is one that does not work.

    Without a bucket that answers nothing else is asked.
    """
    for line in lines:
        found = await _asked(line, probing)
        yield found
        if line.name == "bucket" and not found.works:
            return


async def _asked(line: Line, probing: Probing) -> Finding:
    started = probing.clock.monotonic()
    try:
        async with asyncio.timeout(LINE_TIMEOUT):
            works, detail = True, await line.ask(probing)
    except Fails as fails:
        works, detail = False, str(fails)
    except TimeoutError:
        waited = probing.clock.monotonic() - started
        works, detail = False, f"no answer after {waited:.0f} s"
    except ClientError as error:
        works, detail = False, str(error.response.get("Error", {}).get("Code", "refused"))
    except RepriseError as error:
        works, detail = False, error.code
    except (BotoCoreError, HTTPClientError, aiohttp.ClientError, OSError) as error:
        works, detail = False, type(error).__name__
    except KeyError as error:  # a web server that is no store answers 200 to anything
        works, detail = False, f"answered without {error}"
    return Finding(line, works, detail, probing.clock.monotonic() - started)
