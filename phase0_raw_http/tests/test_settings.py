"""Settings: where they come from, who wins, and how a bad one is refused."""

import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from phase0_raw_http.settings import Settings, SettingsError, load_settings

MODULES = ["phase0_raw_http", "phase0_raw_http.event_loop_server"]


def test_without_anything_the_defaults_hold() -> None:
    settings = load_settings("test", [], {})

    assert settings == Settings()
    assert (settings.host, settings.port) == ("127.0.0.1", 8000)


def test_a_flag_wins_over_a_variable_and_that_over_the_default() -> None:
    environment = {"PORT": "1", "HEADER_TIMEOUT": "2.5", "LOG_LEVEL": "debug", "EDITOR": "vi"}

    settings = load_settings("test", ["--port", "3", "--max-body-bytes=4"], environment)

    assert (settings.port, settings.header_timeout) == (3, 2.5)
    assert (settings.log_level, settings.max_body_bytes) == ("DEBUG", 4)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "65536"),
        ("PORT", "-1"),
        ("PORT", "http"),
        ("PORT", ""),
        ("PORT", "1_0"),
        ("PORT", "٣"),
        ("HOST", " "),
        ("LOG_LEVEL", "loud"),
        ("HEADER_TIMEOUT", "0"),
        ("HEADER_TIMEOUT", "-1"),
        ("BODY_TIMEOUT", "nan"),
        ("IDLE_TIMEOUT", "inf"),
        ("SEND_TIMEOUT", "soon"),
        ("DRAIN_TIMEOUT", "1e9"),
        ("MAX_BODY_BYTES", "1.5"),
        ("MAX_CONNECTIONS", "0"),
    ],
)
def test_a_bad_value_is_refused_by_the_name_it_was_given_under(name: str, value: str) -> None:
    flag = f"--{name.lower().replace('_', '-')}"

    with pytest.raises(SettingsError, match=f"^{name} must be .*, not "):
        load_settings("test", [], {name: value})
    with pytest.raises(SettingsError, match=f"^{flag} must be .*, not "):
        load_settings("test", [f"{flag}={value}"], {})


@pytest.fixture
def taken_port() -> Iterator[int]:
    """Listen on a port that nobody else can have meanwhile."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def run(module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Start the service with arguments that make it end at once."""
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)


@pytest.mark.parametrize("module", MODULES)
def test_help_names_every_setting(module: str) -> None:
    shown = run(module, "--help")

    assert shown.returncode == 0
    for name in Settings.__slots__:
        assert f"--{name.replace('_', '-')} " in shown.stdout
        assert name.upper() in shown.stdout


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize("argument", ["--port=many", "--no-such-flag", "--hea=1"])
def test_a_bad_start_ends_with_2_and_a_sentence(module: str, argument: str) -> None:
    refused = run(module, argument)

    assert refused.returncode == 2
    assert argument.partition("=")[0] in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize("module", MODULES)
def test_a_taken_port_is_named_with_the_way_out(module: str, taken_port: int) -> None:
    refused = run(module, f"--port={taken_port}")

    assert refused.returncode == 1
    assert f"port {taken_port}" in refused.stderr
    assert "--port" in refused.stderr
    assert "Traceback" not in refused.stderr
