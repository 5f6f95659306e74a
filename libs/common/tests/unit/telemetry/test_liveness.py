from common.telemetry import liveness
from common.testing.clock import ManualClock


def test_a_pulse_tells_how_long_ago_it_beat() -> None:
    clock = ManualClock()
    pulse = liveness.Pulse(clock)
    assert pulse.age() is None
    liveness.watch(pulse)
    liveness.beat()
    clock.advance(7)
    assert pulse.age() == 7
    pulse.forget()
    assert pulse.age() is None


def test_a_beat_that_nobody_watches_does_nothing() -> None:
    liveness.beat()
