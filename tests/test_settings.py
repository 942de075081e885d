"""Settings: flags before the environment, defaults in the site, and every mistake named."""

from pathlib import Path

import boto3.session
import pytest

from chalicelib.errors import ConfigurationError
from chalicelib.settings import SETTINGS, Settings, honour_region, load_settings


def load(tmp_path: Path, **values: str) -> Settings:
    return load_settings({"SENDBRIEF_SITE": str(tmp_path), **values})


def test_defaults_lie_in_the_site(tmp_path: Path) -> None:
    settings = load(tmp_path)
    assert settings.data == tmp_path / ".sendbrief"
    assert settings.maildir == tmp_path / ".sendbrief" / "maildir"
    assert (settings.store, settings.transport, settings.tick_seconds) == ("sqlite", "maildir", 60)


def test_flags_win_over_the_environment(tmp_path: Path) -> None:
    settings = load_settings({"SENDBRIEF_SITE": "/x", "SENDBRIEF_DATA": "/y"}, site=tmp_path, data=tmp_path / "d")
    assert (settings.site, settings.data, settings.maildir) == (tmp_path, tmp_path / "d", tmp_path / "d" / "maildir")


def test_the_site_is_the_folder_one_stands_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_settings({}).site == tmp_path
    assert load_settings({"SENDBRIEF_SITE": "", "SENDBRIEF_DATA": "rel"}).data == tmp_path / "rel"


def test_in_a_function_state_lies_where_it_can_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "sendbrief-dev-tick")
    assert load(tmp_path).data == Path("/tmp/sendbrief")
    assert load(tmp_path, SENDBRIEF_DATA="/mnt/data").data == Path("/mnt/data")


def test_networks_and_hosts_that_may_be_fetched(tmp_path: Path) -> None:
    given = load(tmp_path, SENDBRIEF_FETCH_ALLOW=" 10.1.2.3/16, fd00::/8\nwiki.intranet ,::1 3com.example.org,")
    assert given.fetch_allow == ("10.1.2.3/16", "fd00::/8", "wiki.intranet", "::1", "3com.example.org")
    assert load(tmp_path, SENDBRIEF_FETCH_ALLOW=" , ").fetch_allow == ()


def test_proxies_are_networks(tmp_path: Path) -> None:
    given = load(tmp_path, SENDBRIEF_TRUSTED_PROXIES=" 127.0.0.1, 10.1.2.3/16\nfd00::/8,")
    assert given.trusted_proxies == ("127.0.0.1", "10.1.2.3/16", "fd00::/8")
    assert load(tmp_path, SENDBRIEF_TRUSTED_PROXIES=" , ").trusted_proxies == ()


def test_every_documented_setting_is_known(tmp_path: Path) -> None:
    values = {setting.variable: "" for setting in SETTINGS if setting.variable != "SENDBRIEF_SITE"}
    assert load(tmp_path, **values) == load(tmp_path)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SENDBRIEF_STOER", "sqlite"),
        ("SENDBRIEF_STORE", "SQLite"),
        ("SENDBRIEF_CONTENT", "publish"),
        ("SENDBRIEF_TRANSPORT", "sendmail"),
        *(("SENDBRIEF_TICK_SECONDS", value) for value in ("0", "-1", "1.5", "soon", "٣", "9" * 5000, "1e3")),
        ("SENDBRIEF_DATA", "~no-such-user-here/x"),
        ("SENDBRIEF_DATA", "\0"),
        *(("SENDBRIEF_FETCH_ALLOW", v) for v in ("10.0.0.0/33", "300.1.2.3", "127.1", "http://a", "a..b", "10/8", "*")),
        ("SENDBRIEF_LOG", "JSON"),
        *(("SENDBRIEF_STAGE", value) for value in ("my stage", "é", "x" * 41, "a/b")),
        *(("SENDBRIEF_TRUSTED_PROXIES", v) for v in ("10.0.0.0/33", "*", "proxy.intranet", "127.1")),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(tmp_path, **{name: value})
    assert name in str(caught.value) or "path" in str(caught.value)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("given", "region"),
    [({"AWS_REGION": "a-1"}, "a-1"), ({"AWS_REGION": "a-1", "AWS_DEFAULT_REGION": "b-1"}, "b-1"), ({}, None)],
)
def test_the_region_may_be_named_as_for_every_other_program(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], region: str | None
) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.setenv(name, "")  # so that it is put back, whoever sets it meanwhile
        monkeypatch.delenv(name)
    for name, value in {**given, "AWS_CONFIG_FILE": "/nowhere"}.items():
        monkeypatch.setenv(name, value)
    honour_region()
    assert boto3.session.Session().region_name == region
