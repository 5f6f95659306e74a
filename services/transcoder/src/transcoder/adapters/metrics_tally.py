"""The tally as Prometheus metrics (`media_transcoder_…`); all labels come from closed sets."""

from dataclasses import dataclass

from common.telemetry.metrics import LONG, Metrics


@dataclass(frozen=True, slots=True)
class MetricsTally:
    """The port Tally."""

    metrics: Metrics

    def probed(self, outcome: str) -> None:
        name, doc = "probes", "Probes that ended, by outcome: ok or the reason."
        self.metrics.counter(name, doc, ["outcome"]).labels(outcome).inc()

    def encoding(self, rendition: str) -> None:
        name, doc = "encoder_runs", "Encoders started, by rendition."
        self.metrics.counter(name, doc, ["rendition"]).labels(rendition).inc()

    def step_ended(self, rendition: str, outcome: str, seconds: float) -> None:
        name, doc = "steps", "Steps that ended, by rendition and outcome: ok or the reason."
        self.metrics.counter(name, doc, ["rendition", "outcome"]).labels(rendition, outcome).inc()
        name, doc = "step_seconds", "From the source's download to the output's upload."
        self.metrics.histogram(name, doc, ["rendition"], buckets=LONG).labels(rendition).observe(
            seconds
        )
