"""Is this history one that the system may have? Pure: rows and records in, violations out."""

from collections.abc import Callable, Iterator

from devstack.history.model import History, Violation
from devstack.history.rules.absorbed import absorbed
from devstack.history.rules.acknowledged import acknowledged
from devstack.history.rules.death import dead_stays_dead
from devstack.history.rules.effects import effects_once
from devstack.history.rules.order import in_order
from devstack.history.rules.published import published
from devstack.history.rules.state import newest_last

Rule = Callable[[History], Iterator[Violation]]

RULES: tuple[Rule, ...] = (
    acknowledged,
    published,
    in_order,
    newest_last,
    absorbed,
    effects_once,
    dead_stays_dead,
)


def check(history: History) -> list[Violation]:
    """Everything this history breaks, in the order of the rules; empty when it is sound."""
    return [violation for rule in RULES for violation in rule(history)]
