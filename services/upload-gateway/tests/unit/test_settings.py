import pytest

from common.settings.reading import BadSettings, read
from common.settings.reference import reference
from upload_gateway.settings import StorageSettings, UploadGatewaySettings, UploadSettings

MIB = 1024 * 1024
SECRET = "tests only, tests only, tests only"
NEEDED = {
    "REPRISE_JWT_SECRET": SECRET,
    "REPRISE_INSTALLATION_KEY": SECRET,
    "REPRISE_RECEIPT_SECRET": "k1:tests-only-tests-only-tests-only",
    "REPRISE_KAFKA_BOOTSTRAP": "127.0.0.1:9092",
    "REPRISE_POSTGRES_URL": "postgresql://a:b@127.0.0.1/c",
}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in reference(UploadGatewaySettings):
        monkeypatch.delenv(variable.name, raising=False)
    for name, value in NEEDED.items():
        monkeypatch.setenv(name, value)


def test_the_defaults_are_those_of_the_design() -> None:
    settings = read(UploadGatewaySettings)
    assert (settings.upload.part_size, settings.upload.buffers) == (8 * MIB, 12)
    assert settings.upload.max_size == 4096 * MIB
    assert not settings.storage.configured


@pytest.mark.req("UPL-10")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("REPRISE_UPLOAD_PART_SIZE", str(4 * MIB)),
        ("REPRISE_UPLOAD_PART_SIZE", str(65 * MIB)),
        ("REPRISE_UPLOAD_MAX_SIZE", str(8 * MIB * 10_000 + 1)),
        ("REPRISE_UPLOAD_EXPIRY", str(8 * 86_400)),
    ],
)
def test_what_a_store_would_refuse_later_is_refused_at_start(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(BadSettings) as refused:
        read(UploadGatewaySettings)
    assert name in str(refused.value)


def test_a_store_is_configured_only_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDIA_S3_ACCOUNT_ID", "abc")
    assert not StorageSettings().configured
    monkeypatch.setenv("MEDIA_S3_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("MEDIA_S3_SECRET_ACCESS_KEY", "secret")
    storage = StorageSettings()
    assert storage.configured
    assert storage.endpoint == storage.public_endpoint == "https://abc.r2.cloudflarestorage.com"


def test_every_setting_of_ours_says_what_it_means() -> None:
    assert all(field.description for field in UploadSettings.model_fields.values())
