"""What is in deploy/: every file is read by what would read it, and all ways to deploy start the same processes."""

from __future__ import annotations

import itertools
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from pricing_assets.settings import Settings

PROJECT = Path(__file__).parents[3]
DEPLOY = PROJECT / "deploy"
BACKUP = "pricing-backup"
UNITS = {
    "code": "pricing-code",
    "daemon": "pricing-daemon",
    "readers": "pricing-readers",
    "engineer": "pricing-engineer",
}
TEXTS = [path for path in DEPLOY.rglob("*") if path.is_file() and "__pycache__" not in path.parts]


def variables(path: Path) -> dict[str, str]:
    """The variables an environment file sets; those it shows behind a # left out."""
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
    return {name: value.strip('"') for name, _, value in (line.partition("=") for line in lines)}


def wanted(content: object) -> set[str]:
    """The variables a configuration of Dagster's takes from the environment."""
    if isinstance(content, dict):
        return ({content["env"]} if set(content) == {"env"} else set()).union(*map(wanted, content.values()))
    return set().union(*map(wanted, content)) if isinstance(content, list) else set()


def unit(name: str) -> dict[str, list[str]]:
    """The settings of a unit of systemd."""
    found: dict[str, list[str]] = {}
    for line in (DEPLOY / "systemd" / f"{name}.service").read_text().splitlines():
        if "=" in line and not line.startswith("#"):
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


def compose() -> dict[str, Any]:
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]  # type: ignore[no-any-return]


def kubernetes() -> dict[str, dict[str, Any]]:
    """Kind → document."""
    return {each["kind"]: each for each in yaml.safe_load_all((DEPLOY / "kubernetes" / "pricing.yaml").read_text())}


def containers() -> dict[str, dict[str, Any]]:
    return {each["name"]: each for each in kubernetes()["StatefulSet"]["spec"]["template"]["spec"]["containers"]}


def started(words: list[str]) -> dict[str, str]:
    """A command as program and options, whatever the ports and addresses."""
    program = [Path(words[0]).name, *itertools.takewhile(lambda word: not word.startswith("--"), words[1:])]
    options = " ".join(words[len(program) :])
    found = dict(re.findall(r"--([a-z-]+)(?: ([^-]\S*))?", options))
    workspace = found.get("workspace", "").rpartition("/")[2]
    return {"": " ".join(program), **found, "port": "", "host": "", "workspace": workspace}


def test_everything_dagster_takes_from_the_environment_is_in_the_example() -> None:
    named = {
        name
        for file in ("dagster.yaml", "workspace.yaml")
        for name in wanted(yaml.safe_load((DEPLOY / file).read_text()))
    }
    assert named == {"PRICING_DAGSTER_URL", "PRICING_DAGSTER_FOLDER", "PRICING_CODE_HOST", "PRICING_CODE_PORT"}
    example = variables(DEPLOY / "pricing.env.example")
    expanded = {name for each in UNITS.values() for name in re.findall(r"\$\{(\w+)\}", unit(each)["ExecStart"][0])}
    assert named | expanded <= set(example)
    own = {f"PRICING_{name.upper()}" for name in Settings.model_fields} | {"DAGSTER_HOME"}
    assert {"PRICING_HOME", "PRICING_SOURCE", "PRICING_GOVERNANCE_URL", "PRICING_MLFLOW_URI"} <= own & set(example)
    inside = {"PRICING_HOME", "PRICING_SOURCE", "PRICING_DAGSTER_FOLDER", "DAGSTER_HOME"}
    assert named <= set(compose()["code"]["environment"]) | inside
    pods = variables(DEPLOY / "kubernetes" / "settings.env") | variables(
        DEPLOY / "kubernetes" / "databases.env.example"
    )
    assert named | inside <= set(pods)
    image = re.findall(r"(\w+)=\S+", (DEPLOY / "Dockerfile").read_text().partition("ENV PATH")[2])
    assert inside <= set(image)


def test_every_setting_reaches_the_processes_and_the_figures_their_collector() -> None:
    for name in UNITS:
        assert compose()[name]["env_file"] == [{"path": ".env", "required": False}], "what the shop's files name, too"
    example = (DEPLOY / "pricing.env.example").read_text()
    scraping = (DEPLOY / "prometheus" / "prometheus.yml").read_text()
    (collected,) = re.findall(r"--collector.textfile.directory=(\S+)", scraping)
    assert f"PRICING_METRICS={collected}\n" in example
    assert f"-{collected}" in unit("pricing-code")["ReadWritePaths"][0].split()


def test_the_instance_is_that_of_the_project_but_for_where_it_is_kept() -> None:
    here, there = (yaml.safe_load((folder / "dagster.yaml").read_text()) for folder in (PROJECT, DEPLOY))
    kept = ("concurrency", "run_monitoring", "run_retries", "retention", "telemetry", "nux")
    assert {name: there[name] for name in kept} == {name: here[name] for name in kept}
    assert (
        yaml.safe_load((PROJECT / "workspace.yaml").read_text())["load_from"][0]["python_module"]["location_name"]
        == (yaml.safe_load((DEPLOY / "workspace.yaml").read_text())["load_from"][0]["grpc_server"]["location_name"])
    )


def test_dagster_accepts_the_instance_and_the_workspace(monkeypatch: pytest.MonkeyPatch) -> None:
    from dagster._core.instance.config import dagster_instance_config
    from dagster._core.workspace.config_schema import ensure_workspace_config

    for name, value in variables(DEPLOY / "pricing.env.example").items():
        monkeypatch.setenv(name, value)
    config, _ = dagster_instance_config(str(DEPLOY))
    assert config["storage"]["custom"]["class"] == "KeptPostgresStorage"
    workspace = yaml.safe_load((DEPLOY / "workspace.yaml").read_text())
    (location,) = ensure_workspace_config(workspace, "workspace.yaml")["load_from"]
    assert location["grpc_server"]["port"] == 4000


def test_systemd_compose_and_kubernetes_start_the_same_processes() -> None:
    for name, service in UNITS.items():
        by_systemd = started(shlex.split(unit(service)["ExecStart"][0]))
        assert by_systemd == started(compose()[name]["command"]) == started(containers()[name]["command"]), name


def test_no_unit_may_do_more_than_the_others() -> None:
    def confined(name: str) -> dict[str, list[str]]:
        own = ("ReadWritePaths", "Environment", "EnvironmentFile", "ExecStart", "Nice", "IOSchedulingClass", "Type")
        of_servers = ("Restart", "RestartSec", "TimeoutStopSec", "StartLimitIntervalSec", "OOMPolicy", "OOMScoreAdjust")
        left_out = {*own, *of_servers, "Description", "After", "WantedBy"}
        return {key: value for key, value in unit(name).items() if key not in left_out}

    for name in (*UNITS.values(), BACKUP):
        assert confined(name) == confined("pricing-code"), name
        assert unit(name)["ReadWritePaths"][0].split()[0] == "/srv/pricing"
    folder = variables(DEPLOY / "pricing.env.example")["PRICING_BACKUPS"]
    assert f"-{folder}" in unit(BACKUP)["ReadWritePaths"][0].split()


def test_a_shell_reads_the_example_as_systemd_does(tmp_path: Path) -> None:
    text = (DEPLOY / "pricing.env.example").read_text().replace("timeout=10", "timeout=10&sslmode=require")
    (tmp_path / "pricing.env").write_text(text)
    words = ["/bin/sh", "-c", f"set -a; . {tmp_path / 'pricing.env'}; env"]
    said = subprocess.run(words, env={}, capture_output=True, text=True, check=True).stdout
    read = dict(line.split("=", 1) for line in said.splitlines())
    assert variables(tmp_path / "pricing.env").items() <= read.items()
    assert read["PRICING_MLFLOW_URI"].endswith("connect_timeout=10&sslmode=require")


OLD = [f"2026-03-0{number}T043000" for number in range(1, 5)]


@pytest.fixture
def nightly(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs the script of the unit, with programs that write what they were asked in place of the two that copy, in a
    folder that has four backups."""
    programs, folder = tmp_path / "bin", tmp_path / "backups"
    programs.mkdir()
    folder.mkdir()
    (programs / "pricing").write_text('#!/bin/sh\n[ "$1 $2" = "backup --force" ] && echo home >"$3"\n')
    (programs / "pg_dump").write_text('#!/bin/sh\necho "$3" "$PGPASSWORD" >"${2#--file=}"; [ -z "$FAILS" ]\n')
    for path in (programs / "pricing", programs / "pg_dump"):
        path.chmod(0o755)
    for moment in OLD:
        (folder / f"{moment}.backup").touch()
        (folder / f"{moment}.mlflow").touch()
    (folder / "by hand.backup").touch()
    environment = {
        "PATH": f"{programs}:{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PRICING_BACKUPS": str(folder),
        "PRICING_MLFLOW_URI": "postgresql+psycopg://pricing:p%40ss@127.0.0.1/mlflow?sslmode=require",
        "FAILS": "",
    }
    script = unit(BACKUP)["ExecStart"][0].split()
    assert script[1] == f"/opt/pricing/deploy/systemd/{BACKUP}.sh"
    words = [script[0], str(DEPLOY / "systemd" / f"{BACKUP}.sh")]

    def run(**settings: str) -> subprocess.CompletedProcess[str]:
        asked = environment | settings
        return subprocess.run(words, env=asked, check=False, capture_output=True, text=True)

    return run


def kept(folder: Path, kind: str) -> list[str]:
    return sorted(path.stem for path in folder.glob(f"????-*.{kind}"))


def test_every_night_has_a_backup_of_its_own_and_the_newest_stay(
    nightly: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    folder = tmp_path / "backups"
    assert nightly(PRICING_BACKUPS_KEPT="3").returncode == 0
    for kind in ("backup", "mlflow"):
        *old, new = kept(folder, kind)
        assert old == OLD[-2:] and (folder / f"{new}.{kind}").read_text()
    assert (folder / "by hand.backup").exists()
    assert nightly(PRICING_BACKUPS_KEPT="1", FAILS="yes").returncode
    assert len(kept(folder, "mlflow")) == 3, "what stays is not counted before both are whole"


@pytest.mark.parametrize(("number", "code"), [("0", 0), ("all", 1), ("-1", 1)])
def test_no_number_of_backups_to_keep_takes_them_all_away(
    nightly: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path, number: str, code: int
) -> None:
    done = nightly(PRICING_BACKUPS_KEPT=number)
    assert done.returncode == code
    assert len(kept(tmp_path / "backups", "backup")) == len(kept(tmp_path / "backups", "mlflow")) == 5
    assert not code or f"PRICING_BACKUPS_KEPT={number}: a number is expected" in done.stderr


def test_no_password_is_in_what_a_program_is_started_with(
    nightly: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    assert nightly().returncode == 0
    (dump,) = (path for path in (tmp_path / "backups").glob("*.mlflow") if path.stem not in OLD)
    assert dump.read_text() == "postgresql://pricing@127.0.0.1/mlflow?sslmode=require p@ss\n"


def test_users_get_pages_that_change_nothing_and_the_engineers_are_on_loopback() -> None:
    for name in UNITS:
        commands = (
            unit(UNITS[name])["ExecStart"][0],
            " ".join(compose()[name]["command"]),
            " ".join(containers()[name]["command"]),
        )
        assert ["--read-only" in command for command in commands] == [name == "readers"] * 3, name
    assert "--host 127.0.0.1 " in unit("pricing-engineer")["ExecStart"][0]
    assert all(port.startswith("127.0.0.1:") for port in compose()["engineer"]["ports"])
    assert "127.0.0.1" in containers()["engineer"]["command"]
    assert [name for name, service in compose().items() if service.get("ports")] == ["readers", "engineer"]
    assert [name for name, container in containers().items() if container.get("ports")] == ["readers"]
    (rule,) = kubernetes()["NetworkPolicy"]["spec"]["ingress"]
    assert rule["ports"] == [{"port": 3000}]


def test_every_container_is_looked_at_and_started_again() -> None:
    for name, service in compose().items():
        assert service["restart"] == "unless-stopped" and service["healthcheck"]["test"], name
    needed = {name: list(service.get("depends_on", {})) for name, service in compose().items()}
    assert needed == {
        "postgres": [],
        "code": ["postgres"],
        "daemon": ["code"],
        "readers": ["code"],
        "engineer": ["code"],
    }
    assert compose()["code"]["hostname"], "days are claimed by host: a new name would leave those of a dead run held"
    assert all(unit(name)["Restart"] == ["always"] for name in UNITS.values())
    probed = {name for name, container in containers().items() if {"livenessProbe", "readinessProbe"} & set(container)}
    assert probed == {"code", "daemon", "readers"}


def test_the_image_is_made_of_what_is_there_by_the_uv_of_the_makefile() -> None:
    text = (DEPLOY / "Dockerfile").read_text()
    copied = [name for line in re.findall(r"^COPY (.+) \S+$", text, re.MULTILINE) for name in line.split()]
    let_in = {
        line[1:] for line in (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines() if line.startswith("!")
    }
    assert set(copied) == let_in and all((PROJECT / name).exists() for name in copied)
    (uv,) = re.findall(r"^UV_VERSION := (\S+)$", (PROJECT / "Makefile").read_text(), re.MULTILINE)
    assert f"uv=={uv} " in text
    assert re.search(r"^FROM python:3\.1[123]-", text, re.MULTILINE)


def test_what_pods_and_services_refer_to_is_there() -> None:
    pod = kubernetes()["StatefulSet"]["spec"]["template"]
    volumes = {each["name"] for each in pod["spec"]["volumes"]}
    volumes |= {each["metadata"]["name"] for each in kubernetes()["StatefulSet"]["spec"]["volumeClaimTemplates"]}
    for container in containers().values():
        assert {each["name"] for each in container["volumeMounts"]} == volumes
        assert container["envFrom"][0]["configMapRef"]["name"] == "pricing-settings"
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
    labels = pod["metadata"]["labels"]
    assert kubernetes()["Service"]["spec"]["selector"] == labels
    assert kubernetes()["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"] == labels
    assert kubernetes()["StatefulSet"]["spec"]["selector"]["matchLabels"] == labels
    made = yaml.safe_load((DEPLOY / "kubernetes" / "kustomization.yaml").read_text())
    for named in [*made["resources"], *made["configMapGenerator"][0]["envs"]]:
        assert (DEPLOY / "kubernetes" / named).is_file()


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_no_file_holds_a_secret_or_a_path_of_a_machine(path: Path) -> None:
    text = path.read_text()
    assert str(PROJECT) not in text and "/root/" not in text and "/home/" not in text.replace("/srv/pricing/home", "")
    for password in re.findall(r"://\w+:([^@\s]+)@", text):
        assert password == "PASSWORD" or password.startswith("${") or password == "password", f"{path.name}: {password}"


def test_systemd_accepts_the_units(tmp_path: Path) -> None:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is not installed: the units were not looked at by systemd")
    shutil.copy(DEPLOY / "systemd" / f"{BACKUP}.timer", tmp_path)
    for name in (*UNITS.values(), BACKUP):
        text = (DEPLOY / "systemd" / f"{name}.service").read_text()
        (tmp_path / f"{name}.service").write_text(
            text.replace("/opt/pricing/.venv/bin", str(Path(sys.executable).parent))
        )
    command = [program, "verify", "--man=no", *map(str, sorted(tmp_path.glob("pricing-*")))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    said = [line for line in done.stderr.splitlines() if "pricing" in line]
    assert done.returncode == 0 and said == [], done.stderr


def test_kubectl_builds_the_manifests() -> None:
    program = shutil.which("kubectl")
    if program is None:
        pytest.skip("kubectl is not installed: the manifests were not built by it")
    done = subprocess.run(
        [program, "kustomize", str(DEPLOY / "kubernetes")], capture_output=True, text=True, check=True
    )
    made = {each["kind"]: each for each in yaml.safe_load_all(done.stdout)}
    assert set(made) == {"ConfigMap", "Service", "StatefulSet", "NetworkPolicy"}
    pod = made["StatefulSet"]["spec"]["template"]["spec"]
    assert {each["image"] for each in pod["containers"]} == {"REGISTRY/pricing-assets:VERSION"}
    assert pod["containers"][0]["envFrom"][0]["configMapRef"]["name"] == made["ConfigMap"]["metadata"]["name"]


def test_compose_accepts_its_file() -> None:
    program = shutil.which("docker")
    able = program and subprocess.run([program, "compose", "version"], capture_output=True, check=False).returncode == 0
    if not (program and able):
        pytest.skip("docker compose is not installed: compose.yaml was not looked at by it")
    command = [
        program,
        "compose",
        "--env-file",
        str(DEPLOY / "compose.env.example"),
        "-f",
        str(DEPLOY / "compose.yaml"),
    ]
    subprocess.run([*command, "config", "--quiet"], check=True)


def test_containers_have_a_folder_for_backups_that_is_theirs() -> None:
    mounted = {volume.rpartition(":")[2] for volume in compose()["code"]["volumes"]}
    made = re.search(r"mkdir -p (.+) \\\n.*chown -R pricing:pricing (.+)\n", (DEPLOY / "Dockerfile").read_text())
    assert made and "/var/backups/pricing" in mounted & set(made[1].split()) & set(made[2].split())


def test_cron_tells_what_status_says_also_of_a_disk_that_is_gone(tmp_path: Path) -> None:
    text = (PROJECT / "docs" / "watching.md").read_text()
    (line,) = re.findall(r"^\*/15 \* \* \* \* pricing (.+)$", text, re.MULTILINE)
    (tmp_path / "settings").write_text(f"PRICING_HOME={tmp_path / 'gone'}\nWORDS='FAULT it is gone'\n")
    programs = {"pricing": '#!/bin/sh\necho "$WORDS: $PRICING_HOME" >&2; exit $CODE\n', "mail": "#!/bin/sh\ncat\n"}
    for name, content in programs.items():
        (tmp_path / name).write_text(content)
        (tmp_path / name).chmod(0o755)
    line = line.replace("/opt/pricing/.venv/bin", str(tmp_path)).replace(
        "/etc/pricing/pricing.env", f"{tmp_path}/settings"
    )

    def told(code: str) -> str:
        environment = {"PATH": f"{tmp_path}:/bin:/usr/bin", "CODE": code}
        return subprocess.run(
            ["/bin/sh", "-c", line], check=False, env=environment, capture_output=True, text=True
        ).stdout

    assert told("1") == f"FAULT it is gone: {tmp_path / 'gone'}\n"
    assert told("0") == ""
