"""What is said of a registry that does not answer."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from pricing_assets.models import mlflow_client
from pricing_assets.models.mlflow_client import said_of

URI = "http://ann:secret@mlflow:5000"


def _chained(beneath: Exception, *, hidden: bool = False) -> Exception:
    """An error raised while another was handled, as libraries do."""
    try:
        try:
            raise beneath
        except Exception:
            if hidden:
                raise ValueError("no such model") from None
            raise ValueError(f"{URI}/api: retries exceeded\nand more") from beneath
    except ValueError as error:
        return error


def _biting_its_tail() -> Exception:
    first, second = ValueError("first"), ValueError("second")
    first.__cause__, second.__cause__ = second, first
    return first


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (_chained(ConnectionRefusedError(111, "Connection refused")), "does not answer: connection refused"),
        (_chained(TimeoutError("timed out")), "does not answer: timed out"),
        (_chained(TimeoutError()), "does not answer: timeouterror"),
        (_chained(socket.gaierror(-2, "Name or service not known")), "does not answer: name or service not known"),
        (_chained(TimeoutError("timed out"), hidden=True), "no such model"),
        (_chained(KeyError("run")), "http://mlflow:5000/api: retries exceeded"),
        (_biting_its_tail(), "first"),
        (ValueError(), "ValueError"),
    ],
)
def test_the_reason_is_told_in_a_line_without_the_password(error: Exception, said: str) -> None:
    assert said_of(error, URI) == said


def test_a_database_whose_making_was_killed_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mlflow_by_mlflow: Callable[[Path], None]
) -> None:
    monkeypatch.setattr(mlflow_client, "_migrate", mlflow_by_mlflow)
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "mlflow" / "mlflow.db"
    path.parent.mkdir()
    path.with_name("mlflow.db.making").write_bytes(b"half of a database")
    path.with_name("mlflow.db.making-journal").write_bytes(b"and of a migration")
    client = mlflow_client.connect(f"sqlite:///{path}")
    assert list(client.search_registered_models()) == []
    assert {each.name for each in path.parent.iterdir()} <= {"mlflow.db", "mlflow.db.lock"}
