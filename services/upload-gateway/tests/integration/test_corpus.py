"""What a file is, its bytes decide: a corpus of honest and hostile ones against a table."""

import pytest
from gateway_support.corpus import Sample, make_files, samples

from upload_gateway.adapters.puremagic_sniffer import PuremagicSniffer
from upload_gateway.domain.acceptance import Claim, Refusal, accepted, judged_content
from upload_gateway.domain.errors import TypeNotAllowed
from upload_gateway.domain.formats import NAMINGS, extension_of
from upload_gateway.domain.limits import Sizes
from upload_gateway.usecases.judge_content import OPENING

pytestmark = pytest.mark.integration
SAMPLES = samples()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return make_files(tmp_path_factory.mktemp("corpus"))


def decided(sample: Sample, body: bytes) -> str:
    """As the gateway does: at the creation by what is said, at the end by what arrived."""
    extension = extension_of(sample.name)
    claim = Claim(sample.kind, sample.declared, extension, len(body))
    try:
        accepted(claim, "admin", Sizes(2**32))
    except TypeNotAllowed as error:
        return error.code
    if not body:
        return "empty"
    sniffed = PuremagicSniffer().formats(body[:OPENING])
    verdict = judged_content(sample.kind, sample.declared, extension, sniffed)
    return verdict.reason if isinstance(verdict, Refusal) else NAMINGS[verdict].content_type


@pytest.mark.req("SEC-01")
def test_the_decision_on_every_file_of_the_corpus_is_the_one_of_the_table(
    files: dict[str, bytes],
) -> None:
    assert len(SAMPLES) >= 60
    wrong = {
        sample.id: (sample.verdict, decision)
        for sample in SAMPLES
        if (decision := decided(sample, files[sample.made_of])) != sample.verdict
    }
    assert wrong == {}


@pytest.mark.parametrize("name", sorted(set(NAMINGS) - {"other"}))
def test_every_type_is_there_with_a_right_a_wrong_extension_and_a_wrong_declaration(
    name: str,
) -> None:
    verdicts = {sample.verdict for sample in SAMPLES if sample.made_of == name}
    content_type = {known: naming.content_type for known, naming in NAMINGS.items()}[name]  # type: ignore[index]
    assert verdicts >= {content_type, "extension_mismatch", "type_mismatch"}
