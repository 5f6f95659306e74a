"""The real delivery on topics of a test: `python delivery_process.py STATE WATERMARKS`."""

import sys
from dataclasses import replace
from functools import partial

from common.events.topics import CATALOG_STATE, WATERMARKS
from common.web.server import run_service
from delivery.bootstrap import bootstrap
from delivery.settings import DeliverySettings

if __name__ == "__main__":
    state, watermarks = sys.argv[1:]
    own_topics = partial(
        bootstrap,
        state=replace(CATALOG_STATE, name=state),
        watermarks=replace(WATERMARKS, name=watermarks),
    )
    run_service("delivery", own_topics, DeliverySettings)
