"""Libraries to be preloaded (LD_PRELOAD) into a process under test, built where the machine has a C compiler."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path


def compiler() -> str | None:
    """The machine's C compiler, where it has one."""
    return shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")


def build(source: Path, library: Path) -> None:
    """Compiles one. Raises FileNotFoundError without a compiler, CalledProcessError where it does not compile."""
    made_by = compiler()
    if made_by is None:
        raise FileNotFoundError(f"no C compiler here: {source.name} cannot be built")
    aside = library.with_suffix(".making")
    subprocess.run([made_by, "-shared", "-fPIC", "-O1", "-o", str(aside), str(source), "-ldl", "-lpthread"], check=True)
    aside.replace(library)
