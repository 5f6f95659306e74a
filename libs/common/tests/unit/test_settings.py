from dataclasses import dataclass

import pytest
from pydantic import Field

from common.settings.groups import (
    CallerSettings,
    Group,
    HttpSettings,
    KafkaSettings,
    PostgresSettings,
    ProcessSettings,
    ReceiptSettings,
    S3Settings,
    TelemetrySettings,
)
from common.settings.reading import BadSettings, load, read
from common.settings.reference import reference
from common.settings.value_types import ROLES


class Own(Group):
    """What a service adds."""

    grace: int = Field(60, validation_alias="REPRISE_TEST_GRACE", ge=0, description="Seconds.")


@dataclass(frozen=True, slots=True)
class Everything:
    kafka: KafkaSettings
    postgres: PostgresSettings
    s3: S3Settings
    http: HttpSettings
    telemetry: TelemetrySettings
    process: ProcessSettings
    callers: CallerSettings
    receipts: ReceiptSettings
    own: Own


GOOD = {
    "REPRISE_KAFKA_BOOTSTRAP": "127.0.0.1:9092,other:9093",
    "REPRISE_POSTGRES_URL": "postgresql://role:pw@localhost:5432/reprise",
    "MEDIA_S3_ENDPOINT": "http://127.0.0.1:9000/",
    "MEDIA_S3_ACCESS_KEY_ID": "id",
    "MEDIA_S3_SECRET_ACCESS_KEY": "canary-s3",
    "REPRISE_JWT_SECRET": "canary-jwt-0123456789-0123456789-0123",
    "REPRISE_INSTALLATION_KEY": "canary-inst-0123456789-0123456789-012",
    "REPRISE_RECEIPT_SECRET": "k2:canary-0123456789-0123456789-0123456,k1:" + "x" * 32,
}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for variable in reference(Everything):
        monkeypatch.delenv(variable.name, raising=False)
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


@pytest.mark.usefixtures("environment")
def test_a_good_environment_is_read_once_into_values() -> None:
    settings = read(Everything)
    assert settings.kafka.bootstrap == GOOD["REPRISE_KAFKA_BOOTSTRAP"]
    assert settings.postgres.pool_size == 10
    assert settings.s3.endpoint == settings.s3.public_endpoint == "http://127.0.0.1:9000"
    assert settings.process.roles == ROLES
    assert settings.own.grace == 60
    assert settings.callers.jwks_url is None


@pytest.mark.usefixtures("environment")
def test_no_secret_is_shown_by_printing_settings() -> None:
    assert "canary" not in repr(read(Everything))


@pytest.mark.req("STO-11")
@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"REPRISE_KAFKA_BOOTSTRAP": None}, "REPRISE_KAFKA_BOOTSTRAP is not set. Brokers"),
        ({"REPRISE_KAFKA_BOOTSTRAP": ""}, "REPRISE_KAFKA_BOOTSTRAP is not set"),
        ({"REPRISE_KAFKA_BOOTSTRAP": "nowhere"}, "REPRISE_KAFKA_BOOTSTRAP is wrong"),
        ({"REPRISE_POSTGRES_URL": "mysql://canary"}, "must begin with postgresql://"),
        ({"REPRISE_POSTGRES_POOL_SIZE": "1"}, "REPRISE_POSTGRES_POOL_SIZE is wrong"),
        ({"REPRISE_HTTP_PORT": "http"}, "REPRISE_HTTP_PORT is wrong"),
        ({"REPRISE_HTTP_PORT": "70000"}, "REPRISE_HTTP_PORT is wrong"),
        ({"REPRISE_ROLES": "http,cook"}, "REPRISE_ROLES is wrong"),
        ({"REPRISE_LOG_LEVEL": "loud"}, "REPRISE_LOG_LEVEL is wrong"),
        ({"REPRISE_PROFILE": "prod"}, "REPRISE_PROFILE is wrong"),
        ({"MEDIA_S3_ENDPOINT": None}, "set MEDIA_S3_ENDPOINT (or MEDIA_S3_ACCOUNT_ID"),
        ({"MEDIA_S3_ENDPOINT": "127.0.0.1:9000"}, "must begin with http"),
        ({"MEDIA_ASSETS_BUCKET": "Not A Bucket"}, "MEDIA_ASSETS_BUCKET is wrong"),
        ({"MEDIA_ASSETS_BUCKET": "a"}, "MEDIA_ASSETS_BUCKET is wrong"),
        ({"MEDIA_S3_REGION": "eu central"}, "MEDIA_S3_REGION is wrong"),
        ({"MEDIA_S3_ACCOUNT_ID": "a.b/c"}, "MEDIA_S3_ACCOUNT_ID is wrong"),
        ({"MEDIA_S3_ACCESS_KEY_ID": "two words"}, "MEDIA_S3_ACCESS_KEY_ID is wrong"),
        ({"MEDIA_S3_ACCESS_KEY_ID": None}, "MEDIA_S3_ACCESS_KEY_ID is not set"),
        ({"MEDIA_S3_SECRET_ACCESS_KEY": None}, "MEDIA_S3_SECRET_ACCESS_KEY is not set"),
        ({"REPRISE_S3_PUBLIC_ENDPOINT": "media.example"}, "must begin with http"),
        ({"REPRISE_JWT_SECRET": "canary"}, "REPRISE_JWT_SECRET is wrong"),
        ({"REPRISE_JWT_SECRET": None}, "set either REPRISE_JWT_SECRET or REPRISE_JWT_JWKS_URL"),
        ({"REPRISE_JWT_JWKS_URL": "https://i/jwks"}, "set either REPRISE_JWT_SECRET or"),
        ({"REPRISE_INSTALLATION_KEY": None}, "REPRISE_INSTALLATION_KEY is not set"),
        (
            {"REPRISE_RECEIPT_SECRET": "canary" * 9},
            "REPRISE_RECEIPT_SECRET is wrong: it must read `kid:",
        ),
        ({"REPRISE_RECEIPT_SECRET": "k1:canary"}, "REPRISE_RECEIPT_SECRET is wrong"),
        (
            {"REPRISE_RECEIPT_SECRET": ",".join(["k1:" + "c" * 32] * 2)},
            "a key id stands in it twice",
        ),
        ({"REPRISE_TEST_GRACE": "-1"}, "REPRISE_TEST_GRACE is wrong"),
    ],
)
def test_what_is_wrong_is_named_in_one_sentence(
    environment: pytest.MonkeyPatch, changes: dict[str, str | None], sentence: str
) -> None:
    for name, value in changes.items():
        if value is None:
            environment.delenv(name)
        else:
            environment.setenv(name, value)
    with pytest.raises(BadSettings) as bad:
        read(Everything)
    assert len(bad.value.sentences) == 1
    assert sentence in bad.value.sentences[0]
    assert "canary" not in str(bad.value)


def test_all_that_is_wrong_is_told_at_once_and_ends_the_start(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    environment.setenv("REPRISE_HTTP_PORT", "x")
    environment.delenv("REPRISE_RECEIPT_SECRET")
    with pytest.raises(SystemExit) as end:
        load(Everything)
    assert end.value.code == 2
    lines = capsys.readouterr().err.splitlines()
    assert [line.split()[1] for line in lines] == ["REPRISE_HTTP_PORT", "REPRISE_RECEIPT_SECRET"]


def test_roles_are_a_comma_list(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("REPRISE_ROLES", "http, relay,")
    assert read(Everything).process.roles == {"http", "relay"}


@pytest.mark.req("STO-10")
def test_media_have_a_bucket_of_their_own_under_the_credentials_there_are(
    environment: pytest.MonkeyPatch,
) -> None:
    before = read(Everything).s3
    environment.setenv("MEDIA_ASSETS_BUCKET", "label-media")
    s3 = read(Everything).s3
    assert (before.bucket, s3.bucket) == ("reprise-media", "label-media")
    assert s3.model_copy(update={"bucket": before.bucket}) == before
    assert s3.access_key_id == GOOD["MEDIA_S3_ACCESS_KEY_ID"]
    assert s3.secret_access_key.get_secret_value() == GOOD["MEDIA_S3_SECRET_ACCESS_KEY"]


@pytest.mark.req("STO-11")
def test_an_endpoint_that_is_given_wins_over_one_that_follows_from_the_account(
    environment: pytest.MonkeyPatch,
) -> None:
    environment.setenv("MEDIA_S3_ACCOUNT_ID", "abc123")
    assert read(Everything).s3.endpoint == "http://127.0.0.1:9000"


@pytest.mark.req("STO-11")
def test_an_account_stands_for_its_endpoint(environment: pytest.MonkeyPatch) -> None:
    environment.delenv("MEDIA_S3_ENDPOINT")
    environment.setenv("MEDIA_S3_ACCOUNT_ID", "abc123")
    environment.setenv("REPRISE_S3_PUBLIC_ENDPOINT", "https://media.example/")
    s3 = read(Everything).s3
    assert s3.endpoint == "https://abc123.r2.cloudflarestorage.com"
    assert s3.public_endpoint == "https://media.example"


def test_every_variable_is_in_the_reference_with_its_meaning() -> None:
    rows = {row.name: row for row in reference(Everything)}
    assert rows["REPRISE_TEST_GRACE"].default == "60"
    assert rows["REPRISE_KAFKA_BOOTSTRAP"].default is None
    assert rows["REPRISE_RECEIPT_SECRET"].type == "secret"
    assert rows["REPRISE_RECEIPT_SECRET"].secret
    assert rows["REPRISE_JWT_SECRET"].secret
    assert rows["REPRISE_PROFILE"].type == "development | production"
    assert all(row.meaning.endswith(".") for row in rows.values())
