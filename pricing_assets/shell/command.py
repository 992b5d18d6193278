"""What all commands share: --home, --json and --by, errors with their remedy, tables on the screen.

Here: the frame of a command. Not here: any command.
"""

from __future__ import annotations

import functools
import getpass
import inspect
import json
import logging
import os
import sys
import time
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from pydantic import ValidationError

from pricing_assets.archive.places import refuse_unfinished
from pricing_assets.counting import counted
from pricing_assets.errors import PricingError
from pricing_assets.settings import Settings

if TYPE_CHECKING:
    import polars as pl
    from rich.console import Console

    from pricing_assets.lake import Lake

REFUSED = 1
_OF_UNFINISHED = ("restore", "doctor")
"""Commands for a home whose restore has not ended: one goes on, one says what to do."""
_LOGGER = logging.getLogger(__name__)
_PIPE_WIDTH, _SHOWN_ROWS, _LEAST_TEXT, _SHORT = 10_000, 1000, 20, 8
_HOME = typer.Option(help="Where everything written lives; default PRICING_HOME, else .pricing.", show_default=False)
_JSON = typer.Option("--json", help="Print JSON for programs instead of words for people.")
Reason = Annotated[str, typer.Option(help="Why, for the audit log.")]
_BY = typer.Option(help="On whose word; default the user of the operating system.", show_default=False)


@dataclass(frozen=True)
class Shell:
    """What a command is handed: settings, who asks, and how to answer."""

    json: bool
    by: str

    @cached_property
    def settings(self) -> Settings:
        """The settings, --home applied."""
        return Settings()

    @cached_property
    def lake(self) -> Lake:
        """The Delta tables under home."""
        from pricing_assets.lake import Lake

        return Lake(self.settings.lake)

    @cached_property
    def console(self) -> Console:
        """Where words for people go. A file or a pipe has room for wide tables."""
        from rich.console import Console

        return Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else _PIPE_WIDTH)

    @cached_property
    def progress(self) -> Console:
        """Where it says what is going on: standard error, so that the answer stays clean."""
        from rich.console import Console

        return Console(stderr=True)

    def say(self, text: str = "") -> None:
        """A line for people; nothing under --json."""
        if not self.json:
            self.console.print(text, markup=False)

    def answer(self, value: Any) -> None:
        """The answer for programs, under --json only."""
        if self.json:
            typer.echo(json.dumps(value, default=str, ensure_ascii=False))

    def rows(self, frame: pl.DataFrame, title: str = "", *, short: Sequence[str] = ()) -> None:
        """Rows as a table for people, or as a JSON array of objects for programs.

        On a screen too narrow for the table, columns in `short` show their beginning; if that is not enough, the rows
        stand one below the other.
        """
        self.answer(frame.to_dicts())
        if self.json:
            return
        shown = frame.head(_SHOWN_ROWS)
        shortened = shown.with_columns(shown[name].str.head(_SHORT) for name in short)
        if self._fits(shown):
            self._table(shown, title)
        elif short and self._fits(shortened):
            self._table(shortened, title)
            self.say(f"({' and '.join(short)} shortened; --json prints all of it)")
        else:
            self._records(shown, title)
        if frame.height > _SHOWN_ROWS:
            self.say(f"({counted(frame.height - _SHOWN_ROWS, 'more row')}; --json prints all)")

    def _fits(self, frame: pl.DataFrame) -> bool:
        """Whether the screen has room for every column: running text may be folded, anything else must stay whole."""
        from rich.cells import cell_len

        width = 3 * frame.width + 1  # the lines between columns, with a space on either side
        for column in frame:
            longest = max((cell_len(str(value)) for value in column if value is not None), default=0)
            needed = longest if _is_whole(column.name, column.dtype) else min(longest, _LEAST_TEXT)
            width += max(needed, cell_len(column.name))
        return width <= self.console.width

    def _records(self, frame: pl.DataFrame, title: str) -> None:
        """Rows one below the other, for tables wider than the screen."""
        if title:
            self.say(title)
        length = max(map(len, frame.columns))
        for number, row in enumerate(frame.iter_rows(named=True), 1):
            self.say(f"row {number}")
            for name, value in row.items():
                self.say(f"  {name:<{length}}  {'' if value is None else value}")

    def _table(self, frame: pl.DataFrame, title: str) -> None:
        from rich.table import Table
        from rich.text import Text

        table = Table(title=title or None, title_justify="left")
        for name, dtype in frame.schema.items():
            justify: Literal["right", "left"] = "right" if dtype.is_numeric() else "left"
            table.add_column(name, justify=justify, overflow="fold", no_wrap=_is_whole(name, dtype))
        for row in frame.iter_rows():
            table.add_row(*("" if value is None else Text(str(value)) for value in row))
        self.console.print(table)


def _is_whole(name: str, dtype: pl.DataType) -> bool:
    """Whether a column's values stay on one line each."""
    import polars as pl

    return not isinstance(dtype, pl.String) or name.endswith(("id", "hash", "run"))


def register(
    app: typer.Typer, name: str | None = None, *, itself: bool = False
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Makes `function(shell, …)` a command with the shared options; PricingError becomes words and exit code 1.

    With `itself` it is what the group `app` does when no command of the group is named.
    """

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(function)
        def command(*, context: typer.Context, home: Path | None, as_json: bool, by: str, **arguments: Any) -> None:
            if home is not None:
                os.environ["PRICING_HOME"] = str(home)  # before anything reads the settings
            if itself and context.invoked_subcommand:
                return
            shell = Shell(as_json, by or _user())
            try:
                with _logged(shell, context.command_path):
                    if command.__name__ not in _OF_UNFINISHED:
                        refuse_unfinished(shell.settings.home)
                    function(shell, **arguments)
            except PricingError as error:
                _refuse(error, as_json)
            except ValidationError as error:
                _refuse(_in_words(error), as_json)

        _with_shared_options(command, function)
        if itself:
            app.callback(invoke_without_command=True)(command)
        else:
            app.command(name)(command)
        return function

    return decorate


@contextmanager
def _logged(shell: Shell, command: str) -> Iterator[None]:
    """Says in the log how a command ended that wrote something, or that was refused. Who asked, governance knows."""
    from pricing_assets.watch import journal

    began = time.monotonic()
    with journal.about(shell.settings, command=command) as lines:
        try:
            yield
        except typer.Exit as end:
            if lines[0] or end.exit_code:
                level = logging.ERROR if end.exit_code else logging.INFO
                _LOGGER.log(level, "command_ended", extra=_taken(began) | {"exit_code": end.exit_code})
            raise
        except (Exception, KeyboardInterrupt):
            _LOGGER.exception("command_failed", extra=_taken(began))
            raise
        if lines[0]:
            _LOGGER.info("command_ended", extra=_taken(began) | {"exit_code": 0})


def _taken(began: float) -> dict[str, float]:
    return {"seconds": round(time.monotonic() - began, 3)}


def _with_shared_options(command: Callable[..., None], function: Callable[..., None]) -> None:
    """Gives the command the function's own parameters, without the shell, and the shared ones after them."""
    hints = typing.get_type_hints(function, include_extras=True)
    own = [
        parameter.replace(annotation=hints[parameter.name], kind=inspect.Parameter.KEYWORD_ONLY)
        for parameter in inspect.signature(function).parameters.values()
        if parameter.name != "shell"
    ]
    shared: Mapping[str, tuple[Any, Any]] = {
        "home": (Annotated[Path | None, _HOME], None),
        "as_json": (Annotated[bool, _JSON], False),
        "by": (Annotated[str, _BY], ""),
    }
    context = inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)
    extra = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
        for name, (annotation, default) in shared.items()
    ]
    command.__signature__ = inspect.Signature([*own, context, *extra])  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in (*own, context, *extra)}


def _in_words(error: ValidationError) -> PricingError:
    """A setting that is not what it must be."""
    faults = []
    for fault in error.errors():
        name = str(fault["loc"][0])
        meaning = Settings.model_fields[name].description if name in Settings.model_fields else ""
        faults.append(f"PRICING_{name.upper()}={fault['input']}: {fault['msg']} ({meaning})")
    return PricingError("\n  ".join(faults), "mend it in the environment or in .env")


def _refuse(error: PricingError, as_json: bool) -> typing.NoReturn:
    """Ends the command with exit code 1; under --json the refusal is the one document printed."""
    if as_json:
        typer.echo(json.dumps({"error": error.what, "remedy": error.remedy}, ensure_ascii=False))
    else:
        typer.secho(f"pricing: {error.what}", err=True, fg="red")
        if error.remedy:
            typer.echo(f"  remedy: {error.remedy}", err=True)
    raise typer.Exit(REFUSED)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def required_day(text: str) -> date:
    """A day as YYYY-MM-DD. Raises typer.BadParameter, exit code 2, for anything else."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text}: expected a day as YYYY-MM-DD, e.g. 2026-10-31") from None


def required_moment(text: str) -> datetime:
    """A moment as YYYY-MM-DDTHH:MM, UTC unless it says otherwise. Raises typer.BadParameter for anything else."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text}: expected a moment as YYYY-MM-DDTHH:MM, e.g. 2026-11-01T06:00") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def day_range(day: str | None, first: str | None, last: str | None) -> tuple[date, date] | None:
    """--date, or --from and --to, as a range; None where none was given. Raises typer.BadParameter for a bad mix."""
    if day and (first or last):
        raise typer.BadParameter("--date names one day; --from and --to name a range: give one or the other")
    if bool(first) != bool(last):
        raise typer.BadParameter("--from and --to go together")
    if not (day or first):
        return None
    start, end = required_day(day or first or ""), required_day(day or last or "")
    if start > end:
        raise typer.BadParameter(f"--from {start} is after --to {end}")
    return start, end
