from common import errors
from common.errors import Conflict, Corrupt, NotYet, RepriseError, Throttled, Unavailable
from common.jobs.job import LeaseLost
from common.kafka.redelivery import REDELIVERY, is_failure, verdict

KINDS = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, RepriseError) and kind is not RepriseError
]


def test_every_kind_of_error_has_its_row() -> None:
    assert set(KINDS) == set(REDELIVERY)


def test_what_may_pass_is_tried_again_and_what_cannot_is_given_up() -> None:
    assert verdict(Unavailable()) == "retry"
    assert verdict(Throttled(retry_after=1)) == "retry"
    assert verdict(Corrupt()) == "dead_letter"


def test_what_the_state_refuses_waits_with_its_key() -> None:
    assert verdict(Conflict()) == "park"
    assert verdict(NotYet(code="sequence_gap")) == "park"


def test_an_error_of_ones_own_follows_its_kind() -> None:
    assert verdict(LeaseLost()) == "park"


def test_waiting_for_another_topic_does_not_speak_against_the_consumer() -> None:
    assert not is_failure(NotYet(code="asset_unknown"))
    assert is_failure(NotYet(code="sequence_gap"))
    assert is_failure(Conflict())
    assert is_failure(ValueError())


def test_an_error_of_no_kind_is_permanent() -> None:
    assert verdict(RepriseError()) == "dead_letter"
