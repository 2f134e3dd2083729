"""Settings: a bad one is refused by its name before the service listens, and no secret is shown."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from datetime import timedelta
from typing import TYPE_CHECKING
from unittest.mock import patch

import pytest

from phase4_layered.main import create_app
from phase4_layered.settings import from_environment
from shared.phases import ROOT

if TYPE_CHECKING:
    from phase4_layered.settings import Settings

KEY = "WvSOkpWQYk2gKkSHdQ9hXo0Hn3Vq0t5c"
OTHER_KEY = "pR7ZxJm4TgQe2nLb8cYdFhUs1aKw6vEi"
GOOD = {
    "DATABASE_URL": "postgresql://course:hunter2@127.0.0.1/db",
    "JWT_KEYS": f"now:{KEY}",
    "PASSWORD_PEPPER": OTHER_KEY,
}


def read(**environment: str) -> Settings:
    """Read the settings from these variables and the good ones."""
    with patch.dict(os.environ, {**GOOD, **environment}, clear=True):
        return from_environment()


def refusal(capsys: pytest.CaptureFixture[str], **environment: str) -> str:
    """Read the settings; returns what was said against them."""
    with pytest.raises(SystemExit) as exit_:
        read(**environment)
    assert exit_.value.code == 2
    return capsys.readouterr().err


def test_what_has_no_default_has_to_be_set() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "phase4_layered"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )

    assert ended.returncode == 2
    assert ended.stderr.splitlines() == [
        "DATABASE_URL: must be set",
        "JWT_KEYS: must be set",
        "PASSWORD_PEPPER: must be set",
    ]


BAD = [
    ("DATABASE_URL", ""),
    ("DATABASE_URL", "mysql://root:hunter2@127.0.0.1/shop"),
    ("DATABASE_URL", "postgresql://me:hunter@hunter2@127.0.0.1/db"),
    ("DATABASE_URL", "postgresql://me:hunter2@127.0.0.1:http/db"),
    ("DATABASE_URL", "   "),
    ("HOST", ""),
    ("PORT", "http"),
    ("PORT", "65536"),
    ("LOG_LEVEL", "LOUD"),
    ("POOL_MAX_SIZE", "0"),
    ("POOL_MAX_SIZE", "1"),  # fewer than POOL_MIN_SIZE
    ("POOL_TIMEOUT", "0"),
    ("STATEMENT_TIMEOUT", "0.0001"),  # PostgreSQL would take it for 0: without end
    ("STATEMENT_TIMEOUT", "soon"),
    ("MAX_BODY_BYTES", "-1"),
    ("PUBLIC_URL", "shop.example.org"),
    ("PUBLIC_URL", "ftp://shop.example.org"),
    ("PUBLIC_URL", "https://shop.example.org/"),
    ("PUBLIC_URL", "https://shop.example.org/shop"),
    ("PUBLIC_URL", "https://ada:hunter2@shop.example.org"),
    ("PUBLIC_URL", "https://shop.example.org?a=b"),
    ("PUBLIC_URL", "https://shop.example.org\n"),
    ("PUBLIC_URL", "https://Shop.example.org"),  # the next two no browser says in an Origin
    ("PUBLIC_URL", "https://shop.example.org:443"),
    ("PUBLIC_URL", "http://shop.example.org:80"),
    ("JWT_KEYS", ""),
    ("JWT_KEYS", KEY),  # without a name
    ("JWT_KEYS", f":{KEY}"),
    ("JWT_KEYS", f"a name:{KEY}"),
    ("JWT_KEYS", f"{'n' * 41}:{KEY}"),
    ("JWT_KEYS", "now:"),
    ("JWT_KEYS", f"now:{KEY[:-1]}"),
    ("JWT_KEYS", f"now:{'hunter2' * 5}"),
    ("JWT_KEYS", "now:change-me-change-me-change-me-1234567890"),
    ("JWT_KEYS", "now:REPLACE-THIS-PLACEHOLDER-0123456789"),
    ("JWT_KEYS", f"now:{KEY},now:{OTHER_KEY}"),
    ("JWT_KEYS", f"now:{KEY},"),
    ("JWT_KEYS", f"now:{KEY},{OTHER_KEY}"),
    ("JWT_KEYS", f"now:{KEY},before:{OTHER_KEY[:-1]}"),
    ("JWT_KEYS", f"now:{KEY[:20]},{KEY[20:]}"),
    ("JWT_ISSUER", ""),
    ("JWT_AUDIENCE", ""),
    ("ACCESS_TOKEN_LIFETIME", "0"),
    ("ACCESS_TOKEN_LIFETIME", "-900"),
    ("ACCESS_TOKEN_LIFETIME", "15:00"),
    ("ACCESS_TOKEN_LIFETIME", "nan"),
    ("ACCESS_TOKEN_LIFETIME", "inf"),
    ("ACCESS_TOKEN_LIFETIME", "1e400"),
    ("ACCESS_TOKEN_LIFETIME", "PT15M"),
    ("REFRESH_TOKEN_LIFETIME", "899"),  # less than ACCESS_TOKEN_LIFETIME
    ("REFRESH_TOKEN_LIFETIME", "999999999"),
    ("FAMILY_LIFETIME", "1209599"),  # less than REFRESH_TOKEN_LIFETIME
    ("REFRESH_GRACE", "-1"),
    ("REFRESH_GRACE", "61"),
    ("SESSION_IDLE", "0.5"),
    ("SESSION_LIFETIME", "1799"),  # less than SESSION_IDLE
    ("PASSWORD_PEPPER", ""),
    ("PASSWORD_PEPPER", OTHER_KEY[:-1]),
    ("PASSWORD_PEPPER", "x" * 40),
    ("PASSWORD_PEPPER", " " * 40),
    ("PASSWORD_PEPPER", "my-pepper-is-an-example-of-a-secret-text"),
    ("BCRYPT_COST", "3"),
    ("BCRYPT_COST", "17"),
    ("BCRYPT_COST", "12.5"),
    ("PASSWORD_THREADS", "0"),
    ("TRUSTED_PROXIES", "proxy.example.org"),
    ("TRUSTED_PROXIES", "10.0.0.1/8"),  # bits behind the prefix
    ("TRUSTED_PROXIES", "10.0.0.300"),
    ("TRUSTED_PROXIES", "0.0.0.0/0"),
    ("TRUSTED_PROXIES", "127.0.0.1,::/0"),
    ("TRUSTED_PROXIES", "*"),
    *[
        (limit, rubbish)
        for limit in (
            "LOGIN_PER_ADDRESS",
            "LOGIN_PER_PAIR",
            "LOGIN_PER_ACCOUNT",
            "SIGNUP_PER_ADDRESS",
            "REFRESH_PER_ADDRESS",
            "OAUTH_PER_ADDRESS",
        )
        for rubbish in ("", "10", "0/minute", "5/0 minutes", "5/fortnight", "5/minute; 9/hour")
    ],
    ("OIDC_ISSUER", "login.example.org"),
    ("OIDC_ISSUER", "http://login.example.org"),
    ("OIDC_ISSUER", "http://127.0.0.1.example.org"),
    ("OIDC_ISSUER", "https://login.example.org?tenant=1"),
    ("OIDC_TIMEOUT", "0"),
]


@pytest.mark.parametrize(("name", "value"), BAD)
def test_a_bad_value_is_refused_by_name_and_without_its_secrets(
    name: str, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    said = refusal(capsys, **{name: value})

    assert {line.partition(": ")[0] for line in said.splitlines()} == {name}
    for secret in ("hunter", "course", KEY[:20], KEY[20:], OTHER_KEY[:20], OTHER_KEY[20:]):
        assert secret not in said


def test_a_provider_has_to_know_us(capsys: pytest.CaptureFixture[str]) -> None:
    said = refusal(capsys, OIDC_ISSUER="https://login.example.org")

    assert said == "OIDC_CLIENT_ID: Value error, must be set, because OIDC_ISSUER is\n"


def test_every_mistake_is_told_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    said = refusal(capsys, JWT_KEYS="now:short", PASSWORD_PEPPER="short", BCRYPT_COST="high")  # noqa: S106

    names = [line.partition(":")[0] for line in said.splitlines()]
    assert names == ["JWT_KEYS", "PASSWORD_PEPPER", "BCRYPT_COST"]
    assert "short" not in said


def test_without_anything_else_it_is_as_the_lesson_says() -> None:
    settings = read()

    assert settings.public_url == "http://127.0.0.1:8004"
    assert settings.access_token_lifetime == timedelta(minutes=15)
    assert settings.refresh_token_lifetime == timedelta(days=14)
    assert settings.refresh_grace == timedelta(seconds=10)
    assert settings.bcrypt_cost == 12
    assert settings.trusted_proxies == ()
    assert settings.oidc_issuer == ""


def test_what_is_set_is_read() -> None:
    settings = read(
        JWT_KEYS=f" next:{KEY} , now:{OTHER_KEY}",
        REFRESH_TOKEN_LIFETIME="0900",  # noqa: S106 -- as long as an access token's
        REFRESH_GRACE="0",
        SESSION_IDLE="1.5",
        TRUSTED_PROXIES=" 10.0.0.7, 2001:db8::/32 ",
        LOGIN_PER_PAIR="3 per 2 hours",
        OIDC_ISSUER="http://127.0.0.1:9400",
        OIDC_CLIENT_ID="shop",
    )

    assert list(settings.jwt_keys) == ["next", "now"]  # the first signs
    assert settings.access_token_lifetime == timedelta(minutes=15)
    assert settings.refresh_grace == timedelta()
    assert settings.session_idle == timedelta(seconds=1.5)
    assert [str(each) for each in settings.trusted_proxies] == ["10.0.0.7/32", "2001:db8::/32"]
    assert (settings.login_per_pair.amount, settings.login_per_pair.get_expiry()) == (3, 7200)


@pytest.mark.parametrize(
    ("host", "port", "url"),
    [
        ("127.0.0.1", "8080", "http://127.0.0.1:8080"),
        ("::1", "8004", "http://[::1]:8004"),
        ("LOCALHOST", "8004", "http://localhost:8004"),
        ("0.0.0.0", "80", "http://0.0.0.0"),  # noqa: S104 -- nothing listens
        ("127.0.0.1", "0", "http://127.0.0.1:0"),
    ],
)
def test_a_browser_is_expected_where_the_service_listens(host: str, port: str, url: str) -> None:
    assert read(HOST=host, PORT=port).public_url == url


def test_secrets_are_not_shown_when_settings_are() -> None:
    shown = repr(read(OIDC_CLIENT_SECRET="hunter2hunter2"))  # noqa: S106

    assert KEY not in shown
    assert OTHER_KEY not in shown
    assert "hunter2" not in shown


@pytest.mark.parametrize(("cost", "warnings"), [("9", 1), ("10", 0)])
def test_passwords_that_are_kept_cheaply_are_told_of(
    cost: str, warnings: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)

    create_app(read(BCRYPT_COST=cost))

    told = [record for record in caplog.records if "cheap_passwords" in record.getMessage()]
    assert len(told) == warnings
