"""A process that has imported the platform and forks a run for each line it reads, to be killed by the tests.

Each line holds the arguments of one `pricing` command. It answers with the id of the process (and process group) it
forked, and, once that has ended, with its exit code.
"""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Imports, also what a run imports on its way, then serves until the end of its input."""
    import dagster as dg
    import great_expectations  # noqa: F401
    import sqlglot.lineage  # noqa: F401

    from pricing_assets import cli
    from pricing_assets.definitions import defs
    from pricing_assets.defs import plots
    from pricing_assets.shell import running  # noqa: F401

    plots._picture = lambda draw, title: dg.MetadataValue.md(title)  # a third of a run of a tiny shop, and no table

    defs().resolve_job_def("daily")
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            _child(cli.app, line.rstrip("\n").split("\x1f"))
        print(pid, flush=True)
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _child(app: object, arguments: list[str]) -> None:
    os.setsid()
    os.dup2(2, 1)  # standard output belongs to the answers
    code = 1
    try:
        app(arguments)  # type: ignore[operator]
        code = 0
    except SystemExit as end:
        code = int(end.code or 0)
    finally:
        sys.stdout.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
