"""The container and the services: packages, commands, ports and paths that are written there exist.

What does not shows when somebody deploys, unless it shows here.
"""

import json
import re
import shutil
import subprocess

import pytest
from test_serve import REGULUS, REPOSITORY

DEPLOY = REPOSITORY / "deploy"
DOCKERFILE = (REPOSITORY / "Dockerfile").read_text(encoding="utf-8")
COMPOSE = (REPOSITORY / "docker-compose.yml").read_text(encoding="utf-8")


def output_of(*words):
    return subprocess.run(words, capture_output=True, text=True, timeout=60, check=True).stdout


def runtime_packages():
    last_stage = DOCKERFILE[DOCKERFILE.rindex("FROM ") :].replace("\\\n", " ")
    listed = re.search(r"apt-get install -y --no-install-recommends (.*?) &&", last_stage)
    return set(listed.group(1).split())


def package_of(library):
    # On a merged /usr a file is known under one of its two names.
    for path in (f"/usr{library}", library, library.removeprefix("/usr")):
        done = subprocess.run(["dpkg", "-S", path], capture_output=True, text=True, timeout=60, check=False)
        if done.returncode == 0:
            return done.stdout.split(":")[0]
    raise AssertionError(f"no package has {library}")


def with_dependencies(packages):
    """The packages and whatever they pull in, of those that are installed here."""
    found, to_see = set(), set(packages)
    while to_see:
        name = to_see.pop()
        found.add(name)
        done = subprocess.run(
            ["dpkg-query", "-W", "-f", "${Pre-Depends}, ${Depends}", name], capture_output=True, text=True, timeout=60, check=False
        )
        for choice in done.stdout.split(","):
            for one in choice.split("|"):
                dependency = one.split("(")[0].split(":")[0].strip()
                if dependency and dependency not in found:
                    to_see.add(dependency)
    return found


@pytest.mark.skipif(shutil.which("dpkg") is None or shutil.which("ldd") is None, reason="not a Debian machine")
def test_the_container_has_the_libraries_that_the_program_loads():
    libraries = re.findall(r"=> (/\S+)", output_of("ldd", REGULUS))
    assert len(libraries) > 5
    needed = {package_of(library) for library in libraries}
    listed = runtime_packages()
    assert needed <= with_dependencies(listed), "the program needs a library that the Dockerfile does not install"
    assert {name for name in listed if name.startswith("lib")} <= needed, "the Dockerfile installs a library for nothing"


@pytest.mark.skipif(shutil.which("apt-cache") is None, reason="not a Debian machine")
def test_every_package_of_the_container_exists():
    for name in sorted(runtime_packages()):
        assert re.search(r"Candidate: \d", output_of("apt-cache", "policy", name)), name


def test_the_services_run_commands_and_use_ports_and_paths_that_there_are():
    yaml = pytest.importorskip("yaml")
    services = yaml.safe_load(COMPOSE)["services"]
    image_command = json.loads(re.search(r"^CMD (\[.*\])$", DOCKERFILE, flags=re.MULTILINE).group(1))
    for command in (image_command, services["worker"]["command"]):
        assert command[0] == "regulus"
        told = output_of(REGULUS, command[1], "--help")
        for flag in (word for word in command[2:] if word.startswith("--")):
            assert re.search(rf"^\s+{flag}\b", told, flags=re.MULTILINE), f"{command[1]} has no {flag}"
    port = image_command[image_command.index("--port") + 1]
    assert f"EXPOSE {port}\n" in DOCKERFILE and f"localhost:{port}/readyz" in DOCKERFILE
    assert services["api"]["ports"] == [f"127.0.0.1:{port}:{port}"]
    scraped = yaml.safe_load((DEPLOY / "prometheus/prometheus.yml").read_text(encoding="utf-8"))
    metrics_port = image_command[image_command.index("--metrics-port") + 1]
    assert metrics_port != port and f"EXPOSE {metrics_port}" not in DOCKERFILE
    assert scraped["scrape_configs"][0]["static_configs"][0]["targets"] == [f"api:{metrics_port}"]
    assert all((DEPLOY / "prometheus" / rules).exists() for rules in scraped["rule_files"])
    # The database's default lies in the volume that both services share.
    work_folder = re.search(r"^WORKDIR (/srv/\S+)$", DOCKERFILE, flags=re.MULTILINE).group(1)
    for name in ("api", "worker"):
        assert services[name]["volumes"] == [f"data:{work_folder}/data"]
    assert f"VOLUME {work_folder}/data" in DOCKERFILE
    for service in services.values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert not source.startswith(".") or (REPOSITORY / source).exists(), source
        for other in service.get("depends_on", []):
            assert other in services
    grafana = yaml.safe_load((DEPLOY / "grafana/provisioning/datasources/prometheus.yml").read_text(encoding="utf-8"))
    assert grafana["datasources"][0]["url"] == "http://prometheus:9090"
