"""JSON logs on standard output: one object per line, scrubbed, with trace and event ids.

Records of libraries that use the standard library's logging go the same way. Names of `log_event`
are those of the source documents (`media.commit.ok`); they are dotted words, never sentences.
"""

import logging
import sys
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor, WrappedLogger

from common.telemetry.repeats import SeldomFilter
from common.telemetry.scrub import scrub, scrub_mapping
from common.telemetry.tracing import current_ids

Logger = FilteringBoundLogger

# libraries that speak of each record or request on their own
_QUIET = {
    "aiokafka": logging.WARNING,
    "alembic": logging.WARNING,
    "botocore": logging.WARNING,
    "aiobotocore": logging.WARNING,
    "asyncio": logging.WARNING,
    "faststream": logging.WARNING,
    "uvicorn.error": logging.INFO,
    "uvicorn.access": logging.CRITICAL,
}

# dozens of lines a second while no broker answers
_REPEATING = ("aiokafka",)


def configure(service: str, level: str = "info", *, stream: TextIO | None = None) -> None:
    """Send all that this process logs to `stream` (standard output) as scrubbed JSON lines."""
    handler = logging.StreamHandler(stream or sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_chain(service),
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(sort_keys=False),
            ],
        )
    )
    handler.addFilter(SeldomFilter(_REPEATING))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name, least in _QUIET.items():
        logging.getLogger(name).setLevel(max(least, root.level))
    structlog.configure(
        processors=[*_chain(service), structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(root.level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )


def configure_for_commands() -> None:
    """For commands that people run: our warnings on standard error, what libraries say nowhere."""
    logging.getLogger().addHandler(logging.NullHandler())
    structlog.reset_defaults()
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )


def get_logger(name: str) -> Logger:
    """A logger that takes fields: `logger.info("upload.created", kind="audio")`."""
    logger: Logger = structlog.get_logger(name)
    return logger


def log_event(logger: Logger, name: str, **fields: object) -> None:
    """Write one of the named events of the source documents, at level info."""
    logger.info(name, **fields)


def bind_event(event_id: object) -> Any:
    """Context manager: lines written inside carry the id of the event being handled."""
    return structlog.contextvars.bound_contextvars(event_id=str(event_id))


def _chain(service: str) -> list[Processor]:
    def add_origin(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
        event["service"] = service
        event.update(current_ids())
        return event

    return [
        structlog.contextvars.merge_contextvars,
        add_origin,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        _scrub,
    ]


def _scrub(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    meta = {name: event.pop(name) for name in ("_record", "_from_structlog") if name in event}
    clean = scrub_mapping(event)
    clean["event"] = scrub(str(event.get("event", "")))
    return clean | meta
