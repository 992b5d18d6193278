"""Files in a folder: delivered once, watched for edits, acknowledged by being written or by a file dropped back.

Here: what all connectors that write files share. Not here: what is in a file (price_list, sap_conditions).

A file's name carries the beginning of the dispatch's key. What was delivered is noted beside the files, in `sent/`:
a receiver may take a file away, and it is not written again.
"""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import polars as pl

from pricing_assets.lake.files import make_folder, write_durably
from pricing_assets.publishing.connectors.connector import Dispatch, Receipt, accepted
from pricing_assets.publishing.connectors.receipts import waiting


class Folder(ABC):
    """Delivers each dispatch as one file; a subclass says what is in it."""

    def __init__(self, folder: Path, acknowledge: Literal["written", "file"]) -> None:
        self.folder, self._acknowledge = folder, acknowledge

    @property
    def asks_again(self) -> bool:
        """Where being written is the acknowledgement, to write again is to ask for it."""
        return self._acknowledge == "written"

    @abstractmethod
    def content(self, dispatch: Dispatch) -> bytes:
        """The whole file; the same for the same dispatch."""

    @abstractmethod
    def name(self, dispatch: Dispatch) -> str:
        """The file's name."""

    def unfit(self, prices: pl.DataFrame) -> dict[str, str]:
        """Nothing, unless a subclass knows better."""
        return {}

    def send(self, dispatch: Dispatch) -> pl.DataFrame | None:
        """Writes the file, then the note that it was delivered; a dispatch with a note is not written again."""
        note = self._note(dispatch)
        if not note.exists():
            for place in (self.folder, self.folder / "acks", note.parent):
                make_folder(place)
            content = self.content(dispatch)
            write_durably(self.folder / self.name(dispatch), content)
            digest = hashlib.sha256(content).hexdigest()
            said = {"key": dispatch.key, "file": self.name(dispatch), "sha256": digest}
            write_durably(note, json.dumps(said).encode())
        return accepted(dispatch) if self._acknowledge == "written" else None

    def receipts(self) -> Sequence[Receipt]:
        """The files dropped into `acks/`."""
        return waiting(self.folder / "acks")

    def edited(self, dispatch: Dispatch) -> str | None:
        """Whether the file still is what was written; one taken away says nothing."""
        note, path = self._note(dispatch), self.folder / self.name(dispatch)
        if not (note.exists() and path.exists()):
            return None
        was, found = json.loads(note.read_text())["sha256"], hashlib.sha256(path.read_bytes()).hexdigest()
        if found == was:
            return None
        return f"{path.name} was edited after it was written: it hashes to {found[:12]}, written {was[:12]}"

    def _note(self, dispatch: Dispatch) -> Path:
        return self.folder / "sent" / f"{dispatch.key}.json"


def file_name(dispatch: Dispatch, stem: str, ending: str) -> str:
    """`prices-UK-20261101T060000Z-1f2e3d4c5b6a.csv`; what no file system takes becomes `_`."""
    market = "".join(letter if letter.isalnum() else "_" for letter in dispatch.market)
    return f"{stem}-{market}-{dispatch.effective_from:%Y%m%dT%H%M%SZ}-{dispatch.key[:12]}.{ending}"
