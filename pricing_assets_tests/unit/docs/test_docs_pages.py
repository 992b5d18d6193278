"""README and docs say what is: links lead somewhere, commands parse, settings are named, the picture is the graph."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

from pricing_assets.cli import app
from pricing_assets.settings import Settings

ROOT = Path(__file__).parents[3]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
COMMAND = re.compile(r"(?:^ {4}|^|`)(?:[A-Z_]+=\S+ )*(pricing [a-z].*?)(?:`|$)", re.MULTILINE)


def commands(page: Path) -> list[str]:
    """Command lines of a page: in code blocks, indented, or between backticks."""
    text = re.sub(r"```(?!sh).*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    return [line for line in COMMAND.findall(text) if "…" not in line]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    missing = [target for target in targets if "://" not in target and not (page.parent / target).exists()]
    assert not missing


@pytest.mark.parametrize(
    ("page", "line"), [(page.name, line) for page in PAGES for line in commands(page)], ids=lambda part: str(part)[:60]
)
def test_commands_parse(page: str, line: str) -> None:
    words = shlex.split(re.split(" [#>] ", line, maxsplit=1)[0])[1:]
    command: Any = typer.main.get_command(app)
    while words and not words[0].startswith("--") and (commands := getattr(command, "commands", None)):
        assert words[0] in commands, f"{page}: {line}: no command {words[0]}"
        command, words = commands[words[0]], words[1:]
    options = {"--help", *(name for parameter in command.params for name in parameter.opts)}
    assert not [word for word in words if word.startswith("--") and word not in options], f"{page}: {line}"


def test_every_setting_is_documented() -> None:
    page = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    names = [str(field.validation_alias or f"PRICING_{name.upper()}") for name, field in Settings.model_fields.items()]
    assert not [name for name in names if f"`{name}`" not in page]


def test_the_index_names_every_page() -> None:
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    assert not [page.name for page in PAGES[1:] if page.name != "index.md" and f"({page.name})" not in index]


def test_every_make_target_of_the_readme_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"make ([a-z]+)`", (ROOT / "README.md").read_text(encoding="utf-8"))) <= targets


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_program_a_page_names_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    named = re.findall(r"python ((?:benchmarks|docs)/\w+\.py)", text)
    named += [f"{name.replace('.', '/')}.py" for name in re.findall(r"python -m (benchmarks[.\w]*\w)", text)]
    there = [ROOT / name for name in named]
    assert not [path for path in there if not path.is_file() and not (path.with_suffix("") / "__main__.py").is_file()]


def test_the_page_on_operating_names_every_examination_of_the_doctor() -> None:
    from pricing_assets.shell import doctor

    text = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8").replace("\n", " ")
    said = text.partition("`pricing doctor` examines ")[2].partition(".")[0].lower()
    assert not [
        name
        for each in (*doctor._OF_THE_MACHINE, *doctor._OF_WHAT_STANDS)
        if (name := each.__name__.strip("_")) not in said
    ]


def test_the_picture_is_the_graph() -> None:
    # in a process of its own: the code location is imported once per process, here with the shop that ships
    code = "import runpy; print(runpy.run_path('docs/asset_graph.py')['picture'](), end='')"
    drawing = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    drawn = (ROOT / "docs" / "asset_graph.svg").read_text(encoding="utf-8")
    assert drawn == drawing.stdout, "run `python docs/asset_graph.py`"
