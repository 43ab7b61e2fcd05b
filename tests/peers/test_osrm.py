"""Travel times of real road servers.

OSRM and Valhalla are taken from their Python wheels, which carry the programs themselves; the programs need no Python,
so the wheels of another Python version serve. Both build a graph of the same small map, answer on the loopback
interface, and are asked once by us and once by this file, each in its own way.
"""

import json
import math
import os
import pathlib
import platform
import random
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import zipfile

import pytest

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
REGULUS = os.environ.get("REGULUS_BINARY") or os.environ.get("REGULUS_BIN") or str(REPOSITORY / "build/release/regulus")
MAP = REPOSITORY / "benchmarks/roads/monaco.osm.pbf"
WHEELS = REPOSITORY / "build/road-servers"
NO_ROAD = 604_800
AT_SEA = [7.60, 43.60]  # 15 km from every road of the map


def regulus(folder, *words, code=0):
    command = [REGULUS, *words, "--json"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def unpacked(package, version):
    """The contents of a wheel, fetched once."""
    folder = WHEELS / f"{package}-{version}"
    if not (folder / "complete").exists():
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(
            [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
            + ["--python-version", "3.12", "--platform", f"manylinux_2_28_{platform.machine()}"]
            + ["--dest", str(folder), f"{package}=={version}"],
            check=True,
            timeout=600,
        )
        for wheel in folder.glob("*.whl"):
            zipfile.ZipFile(wheel).extractall(folder)
            wheel.unlink()
        for program in folder.glob("*/bin/*"):
            program.chmod(0o755)
        (folder / "complete").touch()
    return folder


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def serving(command, port, log):
    """The process, once it takes connections."""
    process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
    for _ in range(600):
        if process.poll() is not None:
            break
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return process
        except OSError:
            time.sleep(0.1)
    process.kill()
    pytest.fail(f"{command[0]} does not serve: {pathlib.Path(log.name).read_text()[-2000:]}")


def stop(process):
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def osrm(tmp_path_factory):
    folder = tmp_path_factory.mktemp("osrm")
    package = unpacked("osrm-bindings", "26.10.0") / "osrm"
    (folder / "monaco.osm.pbf").symlink_to(MAP)
    for words in (
        ["osrm-extract", "-p", str(package / "share/profiles/car.lua"), "--data_version", "2016", "monaco.osm.pbf"],
        ["osrm-contract", "monaco.osrm"],
    ):
        command = [str(package / "bin" / words[0]), *words[1:]]
        subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=300)
    port = free_port()
    with open(folder / "log", "w", encoding="utf-8") as log:
        command = [str(package / "bin/osrm-routed"), "--algorithm", "CH", "-i", "127.0.0.1", "-p", str(port)]
        process = serving([*command, str(folder / "monaco.osrm")], port, log)
        yield f"http://127.0.0.1:{port}"
        stop(process)


@pytest.fixture(scope="module")
def valhalla(tmp_path_factory):
    folder = tmp_path_factory.mktemp("valhalla")
    package = unpacked("pyvalhalla", "3.9.1") / "valhalla"
    port = free_port()
    made = subprocess.run(
        [sys.executable, str(package / "valhalla_build_config.py"), "--mjolnir-tile-dir", str(folder / "tiles")]
        + ["--httpd-service-listen", f"tcp://127.0.0.1:{port}"],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    (folder / "config.json").write_text(made.stdout)
    command = [str(package / "bin/valhalla_build_tiles"), "-c", str(folder / "config.json"), str(MAP)]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    with open(folder / "log", "w", encoding="utf-8") as log:
        process = serving([str(package / "bin/valhalla_service"), str(folder / "config.json"), "1"], port, log)
        yield f"http://127.0.0.1:{port}"
        stop(process)


@pytest.fixture(scope="module")
def places():
    chance = random.Random(7)
    return [[round(chance.uniform(7.412, 7.432), 5), round(chance.uniform(43.727, 43.747), 5)] for _ in range(120)]


def written(folder, places, name="places.json"):
    (folder / name).write_text(json.dumps(places))
    return name


def fetched(url, body=None):
    request = urllib.request.Request(url, data=None if body is None else json.dumps(body).encode())
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def up(value, unit=1):
    """Rounded up to whole seconds and metres, as we do; a product in thousandths must not become one more."""
    return math.ceil(round(value * unit, 6))


def osrm_route(url, start, end):
    """Seconds and metres by the route service, not by the table service that we ask."""
    text = ";".join(f"{lon},{lat}" for lon, lat in (start, end))
    route = fetched(f"{url}/route/v1/driving/{text}?overview=false")["routes"][0]
    return up(route["duration"]), up(route["distance"])


def test_osrm_gives_the_table_that_it_gives_cell_by_cell(osrm, places, tmp_path):
    words = ["travel", "table", written(tmp_path, places), "--travel", "osrm", "--travel-url", osrm]
    table = regulus(tmp_path, *words)
    side = len(places)
    assert table["report"]["answered"] == side * (side - 1)
    assert table["report"]["estimated"] == table["report"]["unreachable"] == 0
    assert table["report"]["data_version"] == "2016"
    assert table["report"]["last_error"] == ""
    chance = random.Random(8)
    for _ in range(300):
        i, j = chance.sample(range(side), 2)
        seconds, metres = osrm_route(osrm, places[i], places[j])
        # The two services round the sum of a route's parts differently.
        assert abs(table["seconds"][i][j] - seconds) <= 1, (i, j)
        assert abs(table["metres"][i][j] - metres) <= 2, (i, j)


def test_osrm_gives_what_its_table_service_gives(osrm, places, tmp_path):
    few = places[:40]
    table = regulus(tmp_path, "travel", "table", written(tmp_path, few), "--travel", "osrm", "--travel-url", osrm)
    text = ";".join(f"{lon},{lat}" for lon, lat in few)
    own = fetched(f"{osrm}/table/v1/driving/{text}?annotations=duration,distance")
    for i in range(40):
        for j in range(40):
            if i != j:
                assert table["seconds"][i][j] == up(own["durations"][i][j])
                assert table["metres"][i][j] == up(own["distances"][i][j])


def test_osrm_names_the_place_without_a_road_and_answers_for_the_others(osrm, places, tmp_path):
    some = [places[0], AT_SEA, places[1]]
    table = regulus(tmp_path, "travel", "table", written(tmp_path, some), "--travel", "osrm", "--travel-url", osrm)
    assert table["report"]["off_road"] == [1]
    assert table["report"]["unreachable"] == 4
    assert table["seconds"][0][1] == table["seconds"][1][2] == NO_ROAD
    assert (table["seconds"][0][2], table["estimated"]) == (osrm_route(osrm, places[0], places[1])[0], [])


def test_a_recording_of_osrm_gives_the_same_table_without_it(osrm, places, tmp_path):
    name = written(tmp_path, places[:30])
    words = ["--travel", "osrm", "--travel-url", osrm]
    table = regulus(tmp_path, "travel", "table", name, *words)
    regulus(tmp_path, "travel", "record", name, *words, "--output", "times.json")
    again = regulus(tmp_path, "travel", "table", name, "--travel", "recorded", "--travel-file", "times.json")
    assert (again["seconds"], again["metres"]) == (table["seconds"], table["metres"])
    assert again["report"]["data_version"] == "2016"


def test_valhalla_gives_what_its_verbose_matrix_gives(valhalla, places, tmp_path):
    few = places[:60]  # beyond the 2,500 pairs that it answers at once
    words = ["travel", "table", written(tmp_path, few), "--travel", "valhalla", "--travel-url", valhalla]
    table = regulus(tmp_path, *words)
    assert table["report"]["answered"] == 60 * 59, table["report"]
    assert table["report"]["estimated"] == 0
    points = [{"lat": lat, "lon": lon} for lon, lat in few]
    for i in range(0, 60, 7):
        question = {"sources": [points[i]], "targets": points, "costing": "auto", "units": "miles", "verbose": True}
        own = fetched(f"{valhalla}/sources_to_targets", question)["sources_to_targets"][0]
        for j in range(60):
            if i == j:
                continue
            # Which of two equally good ways it takes depends on the other places of a question.
            assert abs(table["seconds"][i][j] - own[j]["time"]) <= max(2, 0.02 * own[j]["time"]), (i, j)
            assert abs(table["metres"][i][j] - up(own[j]["distance"], 1609.344)) <= max(3, 0.05 * table["metres"][i][j])


def test_valhalla_names_the_place_without_a_road_and_answers_for_the_others(valhalla, places, tmp_path):
    some = [places[0], [9.5, 43.0], places[1]]
    words = ["travel", "table", written(tmp_path, some), "--travel", "valhalla", "--travel-url", valhalla]
    table = regulus(tmp_path, *words)
    assert table["report"]["off_road"] == [1]
    assert table["seconds"][0][1] == table["seconds"][1][2] == NO_ROAD
    assert 0 < table["seconds"][0][2] < 3_600
    assert table["estimated"] == []


def test_a_server_that_dies_leaves_estimates(osrm, places, tmp_path):
    name = written(tmp_path, places[:10])
    gone = f"http://127.0.0.1:{free_port()}"
    table = regulus(tmp_path, "travel", "table", name, "--travel", "osrm", "--travel-url", gone)
    assert table["report"]["estimated"] == len(table["estimated"]) == 90
    assert "refused" in table["report"]["last_error"]
    failed = ["travel", "record", name, "--travel", "osrm", "--travel-url", gone, "--output", "times.json"]
    assert "not answered" in regulus(tmp_path, *failed, code=1)["error"]["message"]
    assert not (tmp_path / "times.json").exists()
    # What it says when it is there is of the same size as the estimate: nobody has mixed up units or coordinates.
    real = regulus(tmp_path, "travel", "table", name, "--travel", "osrm", "--travel-url", osrm)
    for row, own in zip(table["metres"], real["metres"]):
        assert sum(row) / 5 < sum(own) < sum(row) * 5
