"""What Alembic runs: the migrations, inside the connection and transaction it is handed.

Here: nothing but the hand-over. Not here: where the database is (database.py).
"""

from __future__ import annotations

from alembic import context

from pricing_assets.governance.schema import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
context.run_migrations()
