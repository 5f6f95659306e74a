import json
import re
import sys
from pathlib import Path
from typing import Any

import jwt
import pytest

from common.settings.groups import CallerSettings, KafkaSettings, ReceiptSettings, S3Settings
from common.settings.reference import reference
from common.tokens import KeyRing
from common.web.callers import user_id_for
from delivery.settings import TokenRings
from reprise_cli import main as command
from reprise_cli.commands.settings_reference import collect, markdown
from reprise_cli.settings import SetupSettings

KEY = "installation-key-0123456789-0123456789"
SECRET = "jwt-secret-0123456789-0123456789-0123456789"


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for variable in reference(SetupSettings):
        monkeypatch.delenv(variable.name, raising=False)
    monkeypatch.setenv("REPRISE_JWT_SECRET", SECRET)
    monkeypatch.setenv("REPRISE_INSTALLATION_KEY", KEY)
    return monkeypatch


class Reprise:
    """Runs the command in this process."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch, self._capsys = monkeypatch, capsys

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        self._monkeypatch.setattr(sys, "argv", ["reprise", *arguments])
        with pytest.raises(SystemExit) as end:
            command.main()
        out, err = self._capsys.readouterr()
        return int(end.value.code or 0), out, err


@pytest.fixture
def reprise(environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Reprise:
    return Reprise(environment, capsys)


def test_a_token_is_one_line_that_the_services_accept(reprise: Reprise) -> None:
    code, out, err = reprise("token", "--role", "admin", "--sub", "a@b", "--for", "30d")
    assert (code, err, out.count("\n")) == (0, "", 1)
    claims = jwt.decode(out.strip(), SECRET, algorithms=["HS256"], audience="reprise")
    assert (claims["sub"], claims["role"], claims["iss"]) == ("a@b", "admin", "reprise")
    assert claims["exp"] - claims["iat"] == 30 * 86_400


def test_a_token_can_tell_whose_it_is(reprise: Reprise) -> None:
    _, out, _ = reprise("token", "--sub", "a@b", "--json")
    told = json.loads(out)
    assert told["user_id"] == str(user_id_for(KEY.encode(), "reprise", "a@b"))
    assert told["role"] == "user"


@pytest.mark.parametrize("lifetime", ["", "0d", "5", "5y", "-5m", "1h30m"])
def test_a_lifetime_that_cannot_be_read_is_refused(reprise: Reprise, lifetime: str) -> None:
    code, _, err = reprise("token", "--for", lifetime)
    assert code == 2
    assert "15m, 12h or 30d" in " ".join(err.split())


def test_an_unknown_role_is_refused(reprise: Reprise) -> None:
    assert reprise("token", "--role", "root")[0] == 2


def test_a_missing_setting_is_named_with_what_mends_it(
    reprise: Reprise, environment: pytest.MonkeyPatch
) -> None:
    environment.delenv("REPRISE_INSTALLATION_KEY")
    code, _, err = reprise("token")
    assert code == 2
    assert "error: REPRISE_INSTALLATION_KEY is not set." in err
    assert ". .dev/env" in err


def test_keys_are_fresh_and_good_enough_for_every_service(reprise: Reprise) -> None:
    first, second = reprise("keys")[1], reprise("keys", "--json")[1]
    made = dict(line.split("=", 1) for line in first.splitlines())
    again: dict[str, str] = json.loads(second)
    assert made.keys() == again.keys()
    assert not set(made.values()) & set(again.values())
    values: dict[str, Any] = made
    CallerSettings(
        jwt_secret=values["REPRISE_JWT_SECRET"], installation_key=values["REPRISE_INSTALLATION_KEY"]
    )
    TokenRings(
        private_ring=values["MEDIA_TOKEN_SECRET"],
        public_ring=values["REPRISE_PUBLIC_TOKEN_SECRET"],
    )
    ReceiptSettings(ring=values["REPRISE_RECEIPT_SECRET"])
    assert KeyRing.parse(made["MEDIA_TOKEN_SECRET"]).active == "k1"
    assert all(re.fullmatch(r"(k1:)?[A-Za-z0-9_-]{43}", value) for value in made.values())


def test_settings_are_listed_for_people_and_programs(reprise: Reprise) -> None:
    assert "REPRISE_KAFKA_BOOTSTRAP" in reprise("settings")[1]
    rows = {row["name"]: row for row in json.loads(reprise("settings", "--json")[1])}
    assert "catalog" in rows["REPRISE_KAFKA_BOOTSTRAP"]["services"]
    assert rows["REPRISE_INSTALLATION_KEY"]["secret"]


def test_every_setting_says_what_it_means() -> None:
    assert [variable.name for variable, _ in collect() if not variable.meaning.endswith(".")] == []


def test_the_reference_is_written_and_then_found_up_to_date(
    reprise: Reprise, tmp_path: Path
) -> None:
    file = tmp_path / "docs" / "settings.md"
    code, _, err = reprise("settings", "--check", "--file", str(file))
    assert code == 1
    assert "without `--check`" in err
    assert reprise("settings", "--write", "--file", str(file))[0] == 0
    assert file.read_text("utf-8") == markdown(collect())
    assert reprise("settings", "--check", "--file", str(file))[0] == 0
    file.write_text("old")
    assert reprise("settings", "--check", "--file", str(file))[0] == 1


def test_descriptions_are_written_and_then_found_up_to_date(
    reprise: Reprise, tmp_path: Path
) -> None:
    folder = str(tmp_path / "openapi")
    assert reprise("openapi", "--folder", folder)[0] == 0
    assert reprise("openapi", "--folder", folder, "--check")[0] == 0
    for file in Path(folder).glob("*.json"):
        for operations in json.loads(file.read_text("utf-8"))["paths"].values():
            assert {operation["x-role"] for operation in operations.values()} <= {
                "public",
                "capability",
                "internal",
                "user",
                "admin",
            }


def test_rules_to_paste_that_let_no_page_in_are_warned_of(
    reprise: Reprise, environment: pytest.MonkeyPatch
) -> None:
    environment.delenv("REPRISE_WEB_ORIGINS", raising=False)
    environment.setenv("MEDIA_S3_ENDPOINT", "http://127.0.0.1:1")
    environment.setenv("MEDIA_S3_ACCESS_KEY_ID", "key")
    environment.setenv("MEDIA_S3_SECRET_ACCESS_KEY", "secret")
    code, out, err = reprise("doctor", "s3", "--print-cors", "aws")
    assert (code, json.loads(out)[0]["AllowedOrigins"]) == (0, [])
    assert "REPRISE_WEB_ORIGINS" in err


@pytest.mark.parametrize("name", ["setup", "token", "keys", "settings", "openapi", "topics"])
def test_every_command_explains_itself(reprise: Reprise, name: str) -> None:
    code, out, _ = reprise(name, "--help")
    assert code == 0
    assert "Usage: reprise" in out


def test_setup_reads_what_the_services_read() -> None:
    names = {variable.name for variable in reference(SetupSettings)}
    assert {"REPRISE_POSTGRES_ADMIN_URL", "REPRISE_POSTGRES_URL_UPLOAD_GATEWAY"} <= names
    for group in (KafkaSettings, S3Settings):
        assert {str(field.validation_alias) for field in group.model_fields.values()} <= names
