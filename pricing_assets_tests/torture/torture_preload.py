"""Libraries to be preloaded (LD_PRELOAD) into a process under test, built where the machine has a C compiler."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path


def compiler() -> str | None:
    """The machine's C compiler, where it has one."""
    return shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")


def build(source: Path, library: Path) -> None:
    """Compiles one. Raises CalledProcessError where it does not compile."""
    command = [str(compiler()), "-shared", "-fPIC", "-O1", "-o", str(library), str(source), "-ldl", "-lpthread"]
    subprocess.run(command, check=True)
