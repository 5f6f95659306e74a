import pytest
import typer

from reprise_cli.commands.outbox_reseed import reseed


@pytest.mark.parametrize(
    ("services", "everything"), [([], False), (["catalog"], True), (["delivery"], False)]
)
def test_a_reseed_wants_to_know_whose(services: list[str], *, everything: bool) -> None:
    with pytest.raises(typer.BadParameter) as refused:
        reseed(service=services, everything=everything)
    assert refused.value.param_hint == "--service"
