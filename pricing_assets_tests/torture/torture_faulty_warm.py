"""torture_warm.py for runs on a faulty disk: unadorned, without the marts where asked, and no error unsaid.

`python torture_faulty_warm.py [--without-marts]`
"""

from __future__ import annotations

import sys
import traceback
from contextlib import nullcontext
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parents[1]))

import torture_warm
from unadorned import WITHOUT_MARTS, unadorned, without_marts


def main() -> None:
    child = torture_warm._child
    torture_warm._child = lambda app, arguments: child(_told(app), arguments)
    with unadorned(), without_marts() if WITHOUT_MARTS in sys.argv else nullcontext():
        torture_warm.main()


def _told(app: Any) -> Any:
    def run(arguments: list[str]) -> None:
        try:
            app(arguments)
        except Exception:
            traceback.print_exc()
            raise

    return run


if __name__ == "__main__":
    main()
