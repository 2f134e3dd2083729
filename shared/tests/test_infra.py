"""The backing services outlive kills, restarts, strangers on their ports and each other."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import psutil
import psycopg
import pytest

from shared import infra
from shared.databases import url_of
from shared.infra import embedded_postgres
from shared.infra.processes import is_alive, wait_until
from shared.infra.state import State
from shared.phases import ROOT
from shared.race import together

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

_CALL = """
import sys
from pathlib import Path
import psycopg
from shared import infra
from shared.infra.state import State
url = getattr(infra, sys.argv[1])(State(Path(sys.argv[2])))
if url.startswith("postgresql:"):
    psycopg.connect(url).close()
print(url)
"""


@contextmanager
def a_checkout(root: Path) -> Generator[State]:
    """Give a checkout of its own, whose services and data are gone afterwards."""
    state = State(root)
    try:
        yield state
    finally:
        infra.down(state)
        infra.remove(state)


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> Iterator[State]:
    """Give a checkout in a folder with a space; each test finds it as the last one left it."""
    with a_checkout(tmp_path_factory.mktemp("a checkout")) as state:
        yield state


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[State]:
    with a_checkout(tmp_path) as state:
        yield state


@pytest.fixture(autouse=True)
def embedded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INFRA", "embedded")


def data_of(state: State) -> Path:
    return next(state.home.glob("postgres-*")) / "data"


def kill_postgres(state: State) -> None:
    note = (data_of(state) / "postmaster.pid").read_text(encoding="utf-8")
    kill(int(note.splitlines()[0]), "postgres")


def kill_valkey(state: State) -> None:
    pid = int((state.home / "valkey" / "pid").read_text(encoding="ascii"))
    kill(pid, "valkey-server")


def kill(pid: int, command: str) -> None:
    os.kill(pid, signal.SIGKILL)
    assert wait_until(lambda: not is_alive(pid, command), 10)


def initdbs(state: State) -> list[psutil.Process]:
    """Return who is making a cluster for the checkout."""
    return [
        process
        for process in psutil.process_iter(["name", "cmdline"])
        if process.info["name"] == "initdb" and str(state.home) in " ".join(process.info["cmdline"])
    ]


def port_of(url: str) -> int:
    port = urlsplit(url).port
    assert port
    return port


def connect(state: State) -> psycopg.Connection:
    return psycopg.connect(infra.postgres(state), autocommit=True)


def remember(state: State, word: str) -> None:
    with connect(state) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS words (word text NOT NULL)")
        connection.execute("INSERT INTO words VALUES (%s)", [word])


def remembered(state: State) -> set[str]:
    with connect(state) as connection:
        return {word for (word,) in connection.execute("SELECT word FROM words")}


def called_by_processes(state: State, service: str) -> list[str]:
    """Ask for the service in three processes at once; returns the URLs that they got."""
    command = [sys.executable, "-c", _CALL, service, str(state.root)]
    callers = [
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(3)
    ]
    return [caller.communicate(timeout=60)[0].strip() for caller in callers]


def asked(url: str, *words: str) -> bytes:
    """Send Valkey the password of the URL and then a command; returns its last answer."""
    address = urlsplit(url)
    with socket.create_connection(("127.0.0.1", port_of(url)), timeout=5) as connection:
        lines = connection.makefile("rwb")
        for command in (f"AUTH {address.password}", " ".join(words)):
            lines.write(f"{command}\r\n".encode())
            lines.flush()
            answer = lines.readline()
        return answer


# ---------------------------------------------------------------- PostgreSQL


def test_no_acknowledged_write_is_lost_when_postgres_is_killed(used: State) -> None:
    acknowledged: list[int] = []
    enough = threading.Event()

    def write() -> None:
        with suppress(psycopg.OperationalError), closing(connect(used)) as connection:
            connection.execute("DROP TABLE IF EXISTS written")
            connection.execute("CREATE TABLE written (n integer NOT NULL)")
            for n in range(1_000_000):
                connection.execute("INSERT INTO written VALUES (%s)", [n])
                acknowledged.append(n)
                if n == 50:
                    enough.set()

    writer = threading.Thread(target=write)
    writer.start()
    assert enough.wait(30)

    kill_postgres(used)
    writer.join(30)

    with connect(used) as connection:
        kept = {n for (n,) in connection.execute("SELECT n FROM written")}
    assert set(acknowledged) <= kept


def test_processes_that_meet_a_killed_server_all_get_one_that_is_ready(used: State) -> None:
    infra.postgres(used)
    kill_postgres(used)

    urls = called_by_processes(used, "postgres")

    assert urls == [infra.postgres(used)] * 3


@pytest.mark.parametrize("seen_first", ["starting", "nothing"])
def test_a_server_that_is_still_starting_is_waited_for(
    used: State, monkeypatch: pytest.MonkeyPatch, seen_first: str
) -> None:
    monkeypatch.setattr(embedded_postgres, "_WRITTEN_WITHIN", 30)
    url = infra.postgres(used)
    note = data_of(used) / "postmaster.pid"
    ready = note.read_text(encoding="utf-8")
    starting = ready.replace("ready   ", "starting")
    rewrite(used, note, starting if seen_first == "starting" else "")

    with ThreadPoolExecutor() as pool:
        asking = pool.submit(infra.postgres, used)
        waits = wait_until(lambda: is_locked(used), 10)
        rewrite(used, note, ready)

    assert waits
    assert asking.result() == url


def rewrite(state: State, note: Path, text: str) -> None:
    """Give the server's note another text, at once: nobody reads half of it."""
    new = note.with_suffix(".new")
    new.write_text(text, encoding="utf-8")
    state.give(new)
    new.replace(note)


def is_locked(state: State) -> bool:
    path = state.folder / "lock"
    if not path.exists():  # an earlier test has removed the folder
        return False
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def test_processes_that_start_at_once_get_one_server(fresh: State) -> None:
    urls = called_by_processes(fresh, "postgres")

    assert urls == [infra.postgres(fresh)] * 3


def test_two_checkouts_get_two_servers(used: State, fresh: State) -> None:
    remember(used, "here")

    assert port_of(infra.postgres(fresh)) != port_of(infra.postgres(used))
    with pytest.raises(psycopg.errors.UndefinedTable):
        remembered(fresh)


def test_half_a_cluster_is_made_again(fresh: State) -> None:
    with_half = fresh.make_home() / "postgres-18" / "data.unfinished" / "base"
    with_half.mkdir(parents=True)

    remember(fresh, "whole")

    assert remembered(fresh) == {"whole"}
    assert not with_half.exists()


def test_what_a_killed_start_left_running_hinders_no_other(fresh: State) -> None:
    command = [sys.executable, "-c", _CALL, "postgres", str(fresh.root)]
    killed = subprocess.Popen(command, cwd=ROOT)
    assert wait_until(lambda: initdbs(fresh) != [], 30)
    (orphan,) = initdbs(fresh)
    assert wait_until(lambda: orphan.children() != [], 10)
    orphan.suspend()
    for child in orphan.children(recursive=True):
        child.kill()
    killed.kill()
    killed.wait()

    with ThreadPoolExecutor() as pool:
        url = pool.submit(infra.postgres, fresh)
        assert wait_until(lambda: len(initdbs(fresh)) > 1, 30)
        orphan.resume()  # to find that it failed, and to clear up

    assert port_of(url.result()) == port_of(infra.postgres(fresh))


def test_a_note_with_the_number_of_another_process_stops_nobody(used: State) -> None:
    remember(used, "kept")
    note = data_of(used) / "postmaster.pid"
    lines = note.read_text(encoding="utf-8").splitlines()
    infra.down(used)
    stranger = subprocess.Popen(["/bin/sleep", "60"], user=used.user)
    try:
        note.write_text("\n".join([str(stranger.pid), *lines[1:]]), encoding="utf-8")
        used.give(note)

        assert "kept" in remembered(used)
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_port_that_somebody_took_meanwhile_is_left_to_them(used: State) -> None:
    remember(used, "moved")
    port = port_of(infra.postgres(used))
    infra.down(used)
    with socket.create_server(("127.0.0.1", port)):
        assert port_of(infra.postgres(used)) != port
        assert "moved" in remembered(used)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the range is not in a file")
def test_no_client_is_given_the_port_of_a_server_that_restarts(used: State) -> None:
    kernel = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text()
    first_of_clients = int(kernel.split()[0])

    assert port_of(infra.postgres(used)) < first_of_clients


def test_a_port_that_is_let_go_of_in_a_moment_is_waited_for(used: State) -> None:
    port = port_of(infra.postgres(used))
    infra.down(used)
    orphan = socket.create_server(("127.0.0.1", port))
    threading.Timer(0.5, orphan.close).start()

    assert port_of(infra.postgres(used)) == port


def test_a_restarted_server_keeps_its_port_and_its_rows(used: State) -> None:
    remember(used, "slept")
    url = infra.postgres(used)

    assert "PostgreSQL" in infra.down(used)
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url)

    assert infra.postgres(used) == url
    assert "slept" in remembered(used)


def test_a_checkout_without_its_folder_still_opens_its_data(used: State) -> None:
    infra.postgres(used)
    if used.user is None:
        infra.down(used)
    shutil.rmtree(used.folder)

    remember(used, "found")

    assert "found" in remembered(used)


# ---------------------------------------------------------------- Valkey


def test_a_killed_valkey_is_started_again(used: State) -> None:
    assert asked(infra.redis(used), "PING") == b"+PONG\r\n"

    kill_valkey(used)

    assert asked(infra.redis(used), "PING") == b"+PONG\r\n"


def test_processes_that_start_at_once_get_one_valkey(fresh: State) -> None:
    urls = called_by_processes(fresh, "redis")

    assert urls == [infra.redis(fresh)] * 3
    assert asked(urls[0], "PING") == b"+PONG\r\n"


def test_a_stopped_valkey_leaves_a_stranger_with_its_number_alone(used: State) -> None:
    infra.redis(used)
    note = used.home / "valkey" / "running.json"
    before = note.read_text(encoding="utf-8")
    assert "Valkey" in infra.down(used)
    stranger = subprocess.Popen(["/bin/sleep", "60"])
    try:
        pid = before.partition('"pid": ')[2].partition(",")[0]
        note.write_text(before.replace(pid, str(stranger.pid), 1), encoding="utf-8")

        assert infra.down(used) == []
        assert asked(infra.redis(used), "PING") == b"+PONG\r\n"
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_valkey_wants_its_password(used: State) -> None:
    url = infra.redis(used)
    password = urlsplit(url).password
    assert password

    assert asked(url.replace(password, "guess"), "PING").startswith(b"-NOAUTH")


# ---------------------------------------------------------------- what is left on disk


def test_passwords_are_readable_to_nobody_else(used: State) -> None:
    infra.postgres(used)
    infra.redis(used)

    secrets = [*used.home.glob("*.password"), used.home / "valkey" / "valkey.conf"]
    assert [stat.S_IMODE(path.stat().st_mode) for path in secrets] == [0o600] * 3
    assert stat.S_IMODE(used.home.stat().st_mode) == 0o700


def test_one_password_wins_when_several_are_made_at_once(tmp_path: Path) -> None:
    with a_checkout(tmp_path) as state:
        assert len(set(map(str, together(8, lambda _: state.secret("any"))))) == 1
        assert len(list(state.home.iterdir())) == 1


def test_what_never_ran_is_stopped_and_removed_without_a_word(tmp_path: Path) -> None:
    state = State(tmp_path)

    assert infra.down(state) == []
    infra.remove(state)

    assert not state.home.exists()


# ---------------------------------------------------------------- refusals that name the way out


def test_an_unknown_mode_is_refused_with_those_that_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INFRA", "cloud")

    with pytest.raises(infra.InfraError, match="INFRA=cloud is none of: auto, embedded, contain"):
        infra.postgres()


@pytest.mark.parametrize(
    ("url", "mode"), [("postgresql://127.0.0.1/postgres", "external"), ("", "embedded")]
)
def test_a_database_url_chooses_the_server_of_somebody_else(
    url: str, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INFRA", "auto")
    monkeypatch.setenv("DATABASE_URL", url)

    assert infra.mode() == mode


@pytest.mark.parametrize(
    ("service", "variable"), [("postgres", "DATABASE_URL"), ("redis", "REDIS_URL")]
)
def test_an_external_service_needs_an_address(
    service: str, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INFRA", "external")
    monkeypatch.delenv(variable, raising=False)

    with pytest.raises(infra.InfraError, match=f"needs {variable}, for instance .*INFRA=embedded"):
        getattr(infra, service)()


def test_an_external_server_that_is_away_is_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INFRA", "external")
    monkeypatch.setenv("DATABASE_URL", "postgresql://ada@127.0.0.1:1/postgres")

    with pytest.raises(infra.InfraError, match=r"DATABASE_URL names can't be used: .*port 1 "):
        infra.postgres()


def test_a_role_that_may_not_create_databases_is_told_what_it_lacks(
    used: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin = infra.postgres(used)
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS reader")
        connection.execute("CREATE ROLE reader LOGIN PASSWORD 'reads'")
    password = str(urlsplit(admin).password)
    url = url_of(admin, "postgres").replace(f"postgres:{password}@", "reader:reads@")
    monkeypatch.setenv("INFRA", "external")
    monkeypatch.setenv("DATABASE_URL", url)

    with pytest.raises(infra.InfraError, match="Let it: ALTER ROLE reader CREATEDB"):
        infra.postgres()


@pytest.mark.parametrize("service", ["postgres", "redis"])
def test_containers_need_an_engine(
    service: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INFRA", "containers")
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")

    with a_checkout(tmp_path) as state, pytest.raises(infra.InfraError, match="INFRA=embedded"):
        getattr(infra, service)(state)
