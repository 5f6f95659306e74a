import pytest
from pydantic import SecretStr

from common.clock import Clock, SystemClock
from common.errors import Unauthenticated
from common.settings.groups import CallerSettings
from common.testing.clock import ManualClock
from common.web.bearer_check import BearerCheck

CALLERS = CallerSettings(jwt_secret=SecretStr("s" * 32), installation_key=SecretStr("k" * 32))


async def test_a_secret_that_opens_what_it_closed_is_good() -> None:
    await BearerCheck(CALLERS, SystemClock())()


async def test_a_bearer_that_is_refused_makes_the_check_red() -> None:
    long_ago: Clock = ManualClock(SystemClock().now().replace(year=2001))
    with pytest.raises(Unauthenticated):
        await BearerCheck(CALLERS, long_ago)()


async def test_with_an_issuer_that_publishes_keys_there_is_nothing_to_make() -> None:
    settings = CallerSettings(
        jwks_url="https://issuer.example/keys", installation_key=SecretStr("k" * 32)
    )
    await BearerCheck(settings, SystemClock())()
