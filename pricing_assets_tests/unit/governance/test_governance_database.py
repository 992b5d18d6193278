"""Opening a database: migrations, refusals, durability settings."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FuturesTimeout
from pathlib import Path

import pytest
import sqlalchemy as sa
from servers import execute

from pricing_assets import governance, strategies
from pricing_assets.errors import PricingError
from pricing_assets.governance import database as database_module
from pricing_assets.governance.database import Database
from pricing_assets.governance.ledger import Request
from pricing_assets.governance.schema import METADATA, REVISION

CLASHING = """strategy: {}
type: rules
priority: 1
scope: {{category: [HOME]}}
rules: [{{name: all, then: {{multiply: 0.9}}}}]
"""


def test_the_migrations_make_the_schema_the_code_expects(url: str) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    database = Database(url)
    with database.reading() as connection:
        context = MigrationContext.configure(connection)
        assert context.get_current_revision() == REVISION
        assert compare_metadata(context, METADATA) == []
    database.close()


def test_a_newer_schema_is_refused_by_name(url: str) -> None:
    database = Database(url)
    with database.writing() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    database.close()
    with pytest.raises(PricingError, match=r"revision 9999, this version knows up to 0003") as refused:
        governance.open_store(url)
    assert "upgrade" in refused.value.remedy


def test_opening_again_keeps_what_is_there(url: str) -> None:
    Database(url).close()
    database = Database(url)
    with database.reading() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM events")).scalar() == 0
    database.close()


def test_a_writer_that_hangs_is_named_and_not_waited_for_for_ever(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_module, "BUSY_SECONDS", 1)
    hanging, other = Database(url), Database(url)
    with hanging.writing():
        with pytest.raises(PricingError, match=r"(process \d+ \(|session \d+ of ).* has held it for more than 1 s"):
            other.writing().__enter__()
        with other.reading() as connection:
            assert connection.execute(sa.text("SELECT count(*) FROM events")).scalar() == 0
    with other.writing():
        pass
    hanging.close()
    other.close()


def test_a_writer_sees_what_others_wrote_while_it_waited_whatever_the_server_is_set_to(url: str) -> None:
    if not url.startswith("sqlite"):
        name = sa.make_url(url).database
        execute(
            url, f"ALTER DATABASE \"{name}\" SET default_transaction_isolation = 'repeatable read'", autocommit=True
        )
    with governance.open_store(url, strategies) as mine, governance.open_store(url, strategies) as theirs:
        with mine._database.writing() as connection:
            other = ThreadPoolExecutor(1).submit(theirs.activate, CLASHING.format("theirs"), "bob", "r", "their key")
            with pytest.raises(FuturesTimeout):
                other.result(0.5)
            draft = strategies.parse(CLASHING.format("mine"), "mine")
            asked = Request("activate", draft.name, "ann", "r", "my key", None, draft.hash)
            mine._put(connection, asked, "strategy_activated", draft)
        with pytest.raises(PricingError):
            other.result(10)
        assert [each.name for each in mine.active()] == ["mine"]


def test_sqlite_is_durable_and_readable_while_written(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'deep' / 'folder' / 'g.db'}")
    with database.writing() as writer:
        assert writer.execute(sa.text("PRAGMA journal_mode")).scalar() == "wal"
        assert writer.execute(sa.text("PRAGMA synchronous")).scalar() == 2
        with database.reading() as reader:
            assert reader.execute(sa.text("SELECT count(*) FROM events")).scalar() == 0


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "g.db"
    path.write_text("this is a text, and no database at all" * 10)
    with pytest.raises(PricingError, match="file is not a database") as refused:
        Database(f"sqlite:///{path}")
    assert refused.value.remedy.startswith("the file is damaged") and "pricing restore" in refused.value.remedy


@pytest.mark.parametrize(
    ("url", "what"),
    [
        ("nonsense", "is no database URL"),
        ("mysql://u:secret@h/d", "mysql is not supported"),
        ("postgresql://u:secret@127.0.0.1:1/d", "governance store postgresql"),
        ("postgresql://127.0.0.1:1/d?user=me&password=secret", "governance store postgresql"),
        ("postgresql://127.0.0.1/d?user=me&password=secret&sslmode=secret", r'sslmode value: "\*\*\*"'),
        ("sqlite:////proc/nowhere/g.db", "governance store sqlite"),
    ],
)
def test_a_database_that_cannot_be_opened_is_named_without_its_password(url: str, what: str) -> None:
    with pytest.raises(PricingError, match=what) as refused:
        Database(url)
    assert "secret" not in str(refused.value) and refused.value.remedy


def test_importing_the_room_loads_no_alembic() -> None:
    code = (
        "import sys, pricing_assets.governance; "
        "print([name in sys.modules for name in ('alembic', 'pricing_assets.governance.store')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[False, False]"
