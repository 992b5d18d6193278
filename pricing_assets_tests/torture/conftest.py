"""What is shared with the tests of single rooms: their rows."""

from __future__ import annotations

import sys
from pathlib import Path

UNIT = Path(__file__).parents[1] / "unit"
sys.path.extend(str(UNIT / room) for room in ("lake", "governance"))
