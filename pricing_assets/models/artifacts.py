"""The files of a trained model: what they hash to, and the one fault a caller falls back to rules for.

Here: the hash of a folder, ModelUnavailable. Not here: what the files hold (demand/), where they are kept
(registry.py).
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal

from pricing_assets.errors import PricingError

Cause = Literal["missing", "corrupted", "unreadable", "unreachable"]
_MAGIC = b"pricing-assets model 1\n"


class ModelUnavailable(PricingError):
    """No model can be had: forecasts fall back, decisions go by rules and say so.

    `cause` is `unreachable` where the registry or its artifact store does not answer and trying later may help,
    `missing` where the version or its files are seen to be gone, `corrupted` where the files are not those that were
    promoted, `unreadable` where they cannot be read.
    """

    def __init__(self, cause: Cause, what: str, remedy: str = "") -> None:
        self.cause: Cause = cause
        super().__init__(what, remedy)


def content_hash(folder: Path) -> str:
    """SHA-256 of a folder's files: each one's path below it and its bytes, in order of paths; names of folders, times
    and modes do not matter.

    Raises ModelUnavailable where the folder is missing, empty or cannot be read.
    """
    try:
        files = sorted((path.relative_to(folder).as_posix(), path) for path in folder.rglob("*") if path.is_file())
        if not files:
            raise ModelUnavailable("missing", f"model folder {folder}: no file is in it", "train the model again")
        whole = hashlib.sha256(_MAGIC)
        for name, path in files:
            encoded = name.encode()
            whole.update(len(encoded).to_bytes(8, "little") + encoded)
            whole.update(hashlib.sha256(path.read_bytes()).digest())
    except OSError as error:
        raise ModelUnavailable("unreadable", f"model folder {folder}: {error}", "see that it can be read") from error
    return whole.hexdigest()
