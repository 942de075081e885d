"""What deploy/ holds for those without AWS: manifests by their schema, units by systemd's tool, and what all need."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from compose_spec import PyCompose

from chalicelib import __version__
from chalicelib.settings import load_settings

ROOT = Path(__file__).resolve().parents[1]
DEPLOY = ROOT / "deploy"
SHAPES = ("one", "many")
CONTAINERFILE = (DEPLOY / "container" / "Containerfile").read_text()
PINNED = re.compile(r"^[a-z0-9./-]+(:[A-Za-z0-9._${}-]+)+$")


def manifests(shape: str) -> dict[str, dict[str, Any]]:
    """All objects of a shape by kind and name."""
    folder = DEPLOY / "kubernetes" / shape
    resources = yaml.safe_load((folder / "kustomization.yaml").read_text())["resources"]
    assert {path.name for path in folder.glob("*.yaml")} == {*resources, "kustomization.yaml"}
    found = [one for name in resources for one in yaml.safe_load_all((folder / name).read_text())]
    return {f"{one['kind']} {one['metadata']['name']}": one for one in found}


def pods(shape: str) -> Iterator[tuple[str, dict[str, Any], dict[str, str]]]:
    """Every pod with its name and labels."""
    for name, one in manifests(shape).items():
        spec = one.get("spec", {})
        template = spec.get("jobTemplate", {}).get("spec", spec).get("template")
        if template:
            yield name, template["spec"], template["metadata"]["labels"]


ALL_PODS = [pytest.param(shape, name, id=f"{shape}-{name}") for shape in SHAPES for name, _, _ in pods(shape)]


def pod_of(shape: str, name: str) -> dict[str, Any]:
    return next(pod for other, pod, _ in pods(shape) if other == name)


@pytest.mark.parametrize("version", ["1.31", "1.37"])
@pytest.mark.parametrize("shape", SHAPES)
def test_manifests_are_what_kubernetes_takes(shape: str, version: str) -> None:
    for one in manifests(shape).values():
        kubernetes_validate.validate(one, version, strict=True)


def test_the_validator_sees_what_is_wrong() -> None:
    one = manifests("one")["Deployment sendbrief"]
    one["spec"]["template"]["spec"]["containers"][0]["readonlyRootFilesystem"] = True
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(one, "1.37", strict=True)


@pytest.mark.parametrize(("shape", "name"), ALL_PODS)
def test_every_pod_runs_with_no_rights(shape: str, name: str) -> None:
    """What the Pod Security Standard "restricted" asks for, and a root file system that can't be written to."""
    pod = pod_of(shape, name)
    assert pod["automountServiceAccountToken"] is False
    security = pod["securityContext"]
    assert security["runAsNonRoot"] is True
    assert security["seccompProfile"] == {"type": "RuntimeDefault"}
    assert f"USER {security['runAsUser']}:{security['runAsGroup']}" in CONTAINERFILE
    (container,) = pod["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
    }  # fmt: skip
    assert {"cpu", "memory"} <= container["resources"]["requests"].keys()
    assert "memory" in container["resources"]["limits"]
    mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
    assert set(mounts) == {"/data", "/tmp"}
    assert set(mounts.values()) == {volume["name"] for volume in pod["volumes"]}


@pytest.mark.parametrize(("shape", "name"), ALL_PODS)
def test_probes_ask_what_serve_answers(shape: str, name: str) -> None:
    from chalicelib.web.health import ALIVE, READY

    (container,) = pod_of(shape, name)["containers"]
    serves = container["args"][0] == "serve"
    assert ("livenessProbe" in container) == ("readinessProbe" in container) == serves
    if serves:
        assert container["livenessProbe"]["httpGet"] == {"path": ALIVE, "port": "http"}
        assert container["readinessProbe"]["httpGet"] == {"path": READY, "port": "http"}
        assert container["ports"] == [{"name": "http", "containerPort": 8000}]
        assert container["args"][container["args"].index("--port") + 1] == "8000"


@pytest.mark.parametrize("shape", SHAPES)
def test_selectors_find_their_pods(shape: str) -> None:
    found = manifests(shape)
    labels = [labels for _, _, labels in pods(shape)]
    for one in found.values():
        spec = one.get("spec", {})
        wanted = {
            "Service": lambda spec: spec["selector"],
            "Deployment": lambda spec: spec["selector"]["matchLabels"],
            "PodDisruptionBudget": lambda spec: spec["selector"]["matchLabels"],
            "NetworkPolicy": lambda spec: spec["podSelector"]["matchLabels"],
        }.get(one["kind"])
        if wanted:
            assert any(wanted(spec).items() <= have.items() for have in labels), one["metadata"]["name"]


def test_sqlite_has_one_writer() -> None:
    """One replica, and the old pod ends before the new one begins; its volume is on a disk of one node."""
    found = manifests("one")
    spec = found["Deployment sendbrief"]["spec"]
    assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})
    assert found["PersistentVolumeClaim sendbrief"]["spec"]["accessModes"] == ["ReadWriteOnce"]
    assert [name.split()[0] for name, _, _ in pods("one")] == ["Deployment"]


def test_of_many_one_ticks_and_none_of_the_others() -> None:
    found = {name: pod["containers"][0]["args"] for name, pod, _ in pods("many")}
    assert found["CronJob sendbrief-tick"] == ["tick", "--no-send"]
    assert found["Deployment sendbrief-work"] == ["work"]
    assert "--no-tick" in found["Deployment sendbrief-pages"]
    job = manifests("many")["CronJob sendbrief-tick"]["spec"]
    assert job["concurrencyPolicy"] == "Forbid"
    assert pod_of("many", "CronJob sendbrief-tick")["restartPolicy"] == "Never"
    assert all("emptyDir" in volume for _, pod, _ in pods("many") for volume in pod["volumes"])


@pytest.mark.parametrize("shape", SHAPES)
def test_settings_are_settings_and_no_secret_is_among_them(shape: str, tmp_path: Path) -> None:
    settings = manifests(shape)["ConfigMap sendbrief"]["data"]
    secret = environment(DEPLOY / "kubernetes" / shape / "secret.env.example")
    loaded = load_settings({**settings, **secret}, site=tmp_path, data=tmp_path)
    assert (loaded.content, loaded.transport) == ("published", "smtp")
    assert (loaded.store, loaded.queues) == {"one": ("sqlite", "sqs"), "many": ("aws", "table")}[shape]
    assert not {"SENDBRIEF_SECRET", "SENDBRIEF_SMTP_URL", "AWS_SECRET_ACCESS_KEY"} & settings.keys()
    assert all("REPLACE" in value for value in secret.values())
    kustomization = yaml.safe_load((DEPLOY / "kubernetes" / shape / "kustomization.yaml").read_text())
    assert kustomization["secretGenerator"] == [{"name": "sendbrief", "envs": ["secret.env"]}]
    assert [image["newTag"] for image in kustomization["images"]] == [__version__]


def test_the_network_is_open_to_the_endpoints_of_the_settings() -> None:
    found = manifests("many")
    ports = {port["port"] for rule in found["NetworkPolicy sendbrief"]["spec"]["egress"] for port in rule["ports"]}
    settings = found["ConfigMap sendbrief"]["data"]
    for name in ("AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL_S3"):
        assert int(settings[name].rsplit(":", 1)[1]) in ports


def environment(path: Path) -> dict[str, str]:
    """The variables of a file as compose and kustomize read it."""
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


# The container file


def test_the_image_is_pinned_and_belongs_to_nobody() -> None:
    assert re.findall(r"^FROM (\S+)", CONTAINERFILE, re.MULTILINE) == ["docker.io/library/python:${PYTHON}"] * 2
    assert re.findall(r"^ARG PYTHON=(.*)$", CONTAINERFILE, re.MULTILINE) == ["3.11-slim-bookworm"]
    assert "latest" not in CONTAINERFILE
    last = CONTAINERFILE.rsplit("FROM", 1)[1]
    assert re.search(r"^USER 10001:10001$", last, re.MULTILINE)
    assert not re.search(r"apt-get|curl|pip install", last), "nothing is built or fetched in what ships"
    assert "/healthz" in last
    assert "VOLUME /data" in last


def test_what_it_copies_is_there_and_let_through() -> None:
    ignored = (ROOT / ".containerignore").read_text().splitlines()
    assert ignored == (ROOT / ".dockerignore").read_text().splitlines()
    let_through = [line.removeprefix("!") for line in ignored if line.startswith("!")]
    for source in re.findall(r"^COPY (?!--from)(\S+)", CONTAINERFILE, re.MULTILINE):
        assert (ROOT / source).exists(), source
        assert any(source == way or source.startswith(f"{way}/") for way in let_through), source


def test_what_it_installs_is_hashed_and_of_the_versions_tested() -> None:
    (line,) = re.findall(r"^RUN python -m pip --python .*$", CONTAINERFILE, re.MULTILINE)
    assert {"--require-hashes", "--no-deps"} <= set(line.split())
    assert re.findall(r"-r (\S+)", line) == ["requirements.txt", "container/requirements.txt"]
    tested = {name(line) for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line}
    for path in (ROOT / "requirements.txt", DEPLOY / "container" / "requirements.txt"):
        pinned = [one for one in path.read_text().splitlines() if "==" in one]
        assert {name(one.removesuffix(" \\")) for one in pinned} <= tested
        assert len(re.findall(r"==\S+ \\\n    --hash=sha256:[0-9a-f]{64}", path.read_text())) == len(pinned)


def name(pin: str) -> str:
    return pin.lower().replace("_", "-")


# Compose


def compose_file() -> str:
    """The file with its variables unset."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", (DEPLOY / "container" / "compose.yaml").read_text())


def test_the_file_is_what_compose_takes() -> None:
    PyCompose.from_yaml(compose_file()).validate()


@pytest.mark.parametrize(
    ("right", "wrong"), [("read_only: true", "readonly: true"), ("restart: unless-stopped", "restart: perhaps")]
)
def test_a_mistake_in_it_would_be_seen(right: str, wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong.split()[-1] if "perhaps" in wrong else "readonly"):
        PyCompose.from_yaml(compose_file().replace(right, wrong, 1))


def test_one_box_with_compose() -> None:
    compose = yaml.safe_load((DEPLOY / "container" / "compose.yaml").read_text())
    services = compose["services"]
    for service in services.values():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert PINNED.match(service["image"])
        assert not service["image"].endswith("latest")
        volumes = {volume.split(":")[0] for volume in service["volumes"]}
        assert {one for one in volumes if one[0] not in "./$"} <= compose["volumes"].keys()
    ours = services["sendbrief"]
    assert ours["image"] == f"sendbrief:{__version__}"
    assert f"USER {ours['user']}" in CONTAINERFILE
    assert ours["ports"] == ["127.0.0.1:8000:8000"], "only a proxy on this box reaches it"
    build = ours["build"]
    assert (DEPLOY / "container" / build["context"] / build["dockerfile"]).resolve().is_file()
    assert int(ours["stop_grace_period"].removesuffix("s")) >= 400
    assert services["caddy"]["profiles"] == ["tls"]


def test_its_settings_are_settings(tmp_path: Path) -> None:
    compose = yaml.safe_load((DEPLOY / "container" / "compose.yaml").read_text())
    written = environment(DEPLOY / "container" / "sendbrief.env.example")
    baked = dict(re.findall(r"(SENDBRIEF_\w+)=(\S+)", CONTAINERFILE))
    loaded = load_settings({**baked, **written, **compose["services"]["sendbrief"]["environment"]})
    assert (str(loaded.site), str(loaded.data), loaded.transport) == ("/site", "/data", "smtp")


# systemd


def units() -> list[Path]:
    return sorted((DEPLOY / "systemd").glob("sendbrief*"))


@pytest.fixture
def analyze(tmp_path: Path) -> Any:
    """systemd's own look at the units, with a program that is there in place of ours."""
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not installed: units are looked at by other tests alone")
    for unit in units():
        text = unit.read_text().replace("/opt/sendbrief/.venv/bin/sendbrief", "/bin/true")
        (tmp_path / unit.name).write_text(text)

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["systemd-analyze", *words], cwd=tmp_path, capture_output=True, text=True, timeout=60)

    return run


@pytest.mark.parametrize("unit", [unit.name for unit in units()])
def test_systemd_takes_the_unit(analyze: Any, unit: str, tmp_path: Path) -> None:
    seen = analyze("verify", str(tmp_path / unit))
    said = [line for line in seen.stderr.splitlines() if "sendbrief" in line]
    assert (seen.returncode, said) == (0, [])


@pytest.mark.parametrize("unit", [unit.name for unit in units() if unit.suffix == ".service"])
def test_the_unit_may_do_next_to_nothing(analyze: Any, unit: str, tmp_path: Path) -> None:
    seen = analyze("security", "--offline=true", "--threshold=20", str(tmp_path / unit))
    assert seen.returncode == 0, seen.stdout[-2000:]


def test_units_name_the_same_places_and_the_guide_names_them() -> None:
    texts = {unit.name: unit.read_text() for unit in units()}
    services = [text for unit, text in texts.items() if unit.endswith(".service")]
    for name in ("SENDBRIEF_SITE", "SENDBRIEF_DATA", "EnvironmentFile", "StateDirectory"):
        assert len({re.findall(rf"{name}=(\S+)", text)[0] for text in services}) == 1
    assert all("TimeoutStopSec=400" in text for text in services)
    guide = (ROOT / "docs" / "kubernetes.md").read_text()
    assert [unit for unit in texts if unit not in guide] == []
