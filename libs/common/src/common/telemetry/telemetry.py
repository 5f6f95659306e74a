"""What a service needs to be seen: metrics and a tracer; logs are the process's own."""

from dataclasses import dataclass

from opentelemetry.trace import Tracer

from common.settings.groups import TelemetrySettings
from common.telemetry import logs, tracing
from common.telemetry.metrics import Metrics


@dataclass(frozen=True, slots=True)
class Telemetry:
    """Given to the parts that measure."""

    service: str
    metrics: Metrics
    tracer: Tracer


def open_telemetry(service: str, settings: TelemetrySettings) -> Telemetry:
    """Configure the logs of this process and make its metrics and tracer."""
    logs.configure(service, settings.log_level)
    return Telemetry(service, Metrics(service), tracing.configure(service))
