from common import errors
from common.errors import Corrupt, RepriseError, Throttled, Unavailable
from common.jobs.job import LeaseLost
from common.kafka.redelivery import REDELIVERY, verdict

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


def test_an_error_of_ones_own_follows_its_kind() -> None:
    assert verdict(LeaseLost()) == "retry"


def test_an_error_of_no_kind_is_permanent() -> None:
    assert verdict(RepriseError()) == "dead_letter"
