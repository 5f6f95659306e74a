import pytest

from transcoder.settings import WorkSettings


def test_the_sandbox_is_bubblewrap_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REPRISE_SANDBOX", raising=False)
    monkeypatch.delenv("REPRISE_TRANSCODER_WORKERS", raising=False)
    settings = WorkSettings()
    assert settings.sandbox == "bwrap"
    assert settings.workers >= 1
    assert settings.pre_encode


@pytest.mark.parametrize("level", ["none", "off", "docker"])
def test_there_is_no_level_without_walls(level: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPRISE_SANDBOX", level)
    with pytest.raises(ValueError, match="bwrap"):
        WorkSettings()


def test_pre_encoding_is_switched_by_the_documents_own_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AUDIO_PRE_ENCODE", "false")
    assert not WorkSettings().pre_encode
