"""`pricing …`, of whose runs no marts are built and no pictures drawn: a run that is looked at in the lake alone.

Here: a program, in a process of its own because each imports the code location with its own shop. Not here: any test.
"""

from __future__ import annotations

from typing import Any


def main() -> None:
    """Runs the command its arguments name."""
    import dagster as dg

    from pricing_assets import cli
    from pricing_assets.defs import plots
    from pricing_assets.shell import running

    execute = running._execute

    def line_alone(*arguments: Any, marts: bool) -> running.Launched:
        return execute(*arguments, marts=False)

    running._execute = line_alone
    plots._picture = lambda draw, title: dg.MetadataValue.md(title)
    cli.app()


if __name__ == "__main__":
    main()
