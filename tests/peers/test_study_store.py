"""Unmodified Optuna and its dashboard on studies of ours, and we on theirs.

The C++ side is `study_store_tool` of the tests' build. REGULUS_BIN (or REGULUS_BINARY) names it, or the program `regulus`
in whose build folder it lies. Optuna 5 is that of the interpreter that runs pytest; OPTUNA49_PYTHON (or
REGULUS_OPTUNA49_PYTHON) names an interpreter with Optuna 4.9, without which the tests of that version are skipped.
"""

import io
import json
import os
import pathlib
import random
import signal
import sqlite3
import subprocess
import sys
import time

import optuna
import optuna_dashboard
import pytest

HERE = pathlib.Path(__file__).resolve().parent
OPTUNA49 = os.environ.get("OPTUNA49_PYTHON") or os.environ.get("REGULUS_OPTUNA49_PYTHON")
PARAMS = ["gamma", "lr", "net", "width"]


def find_tool():
    named = os.environ.get("REGULUS_BIN") or os.environ.get("REGULUS_BINARY")
    if not named:
        raise RuntimeError("set REGULUS_BIN to the program `regulus` or to study_store_tool of a build")
    path = pathlib.Path(named).resolve()
    if path.name != "study_store_tool":
        path = path.parent / "tests" / "study_store_tool"
    if not path.exists():
        raise RuntimeError(f"{path} does not exist; build the target study_store_tool")
    return str(path)


def tool(*words, env=None):
    done = subprocess.run(
        [find_tool(), *map(str, words)], capture_output=True, text=True, env={**os.environ, **(env or {})}, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def ran(text):
    return [int(line) for line in text.split()]


def dump(url, name="s", env=None):
    return json.loads(tool("dump", url, name, env=env))


class Peer:
    """Optuna of one version, in a process of its own."""

    def __init__(self, python):
        self.python = python

    def command(self, *words):
        return [self.python, str(HERE / "optuna_peer.py"), *map(str, words)]

    def __call__(self, *words, env=None):
        done = subprocess.run(
            self.command(*words), capture_output=True, text=True, env={**os.environ, **(env or {})}, timeout=300
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@pytest.fixture(params=["optuna 5", "optuna 4.9"])
def peer(request):
    if request.param == "optuna 5":
        return Peer(sys.executable)
    if not OPTUNA49:
        pytest.skip("OPTUNA49_PYTHON is not set")
    return Peer(OPTUNA49)


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path}/studies.db"


def same_facts(ours, theirs):
    assert theirs["name"] == ours["name"]
    assert len(theirs["trials"]) == len(ours["trials"])
    for our, their in zip(ours["trials"], theirs["trials"]):
        assert their == our


def test_the_peers_are_of_the_versions_they_stand_for(peer):
    version = subprocess.run([peer.python, "-c", "import optuna; print(optuna.__version__)"], capture_output=True, text=True)
    assert version.stdout.startswith("4.9." if peer.python == OPTUNA49 else "5.")


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo"])
def test_optuna_reads_plots_and_continues_our_study_and_we_go_on_after_it(peer, url, zone):
    env = {"TZ": zone}
    assert ran(tool("run", url, "s", 12, env=env)) == list(range(12))
    ours = dump(url)
    same_facts(ours, peer("facts", url, "s", env=env))

    summary = peer("summary", url, "s", env=env)
    best = max(ours["trials"], key=lambda trial: trial["values"][0])
    assert summary["best"] == [best["number"], best["values"][0]]
    assert summary["rows"] == 12
    assert summary["columns"] == [f"params_{name}" for name in PARAMS]
    assert sorted(summary["importances"]) == PARAMS
    assert summary["user"] == {"program": "regulus"}

    assert peer("optimize", url, "s", 2, env=env) == [12, 13]
    assert ran(tool("run", url, "s", 16, env=env)) == [14, 15]
    ours = dump(url)
    theirs = peer("facts", url, "s", env=env)
    if peer.python == OPTUNA49:
        # 4.9 writes local time where 5 and we write UTC: its own trials (and only those) show shifted times.
        for study in (ours, theirs):
            for trial in study["trials"][12:14]:
                del trial["started_us"], trial["finished_us"]
    same_facts(ours, theirs)
    assert {trial["state"] for trial in ours["trials"]} == {"COMPLETE"}


def test_optuna_sees_every_shape_of_trial_as_we_do(peer, url):
    tool("shapes", url, "s")
    ours = dump(url)
    states = [trial["state"] for trial in ours["trials"]]
    assert states == [*["COMPLETE"] * 3, "PRUNED", "PRUNED", "FAIL", "RUNNING", "COMPLETE", "WAITING"]
    assert ours["trials"][0]["intermediate"] == {"0": "nan", "1": "inf", "2": "-inf", "3": 0.5}
    assert [trial["values"] for trial in ours["trials"][1:3]] == [["inf"], ["-inf"]]
    same_facts(ours, peer("facts", url, "s"))
    # Minimise (1, 2), (2, 3), (3, 1) in the first and maximise in the second: the third is dominated.
    same_facts(dump(url, "s-two"), peer("facts", url, "s-two"))
    assert peer("pareto", url, "s-two") == [0, 1]


def test_optuna_takes_the_point_we_queued(peer, url):
    tool("shapes", url, "s")
    assert peer("ask", url, "s") == {"number": 8, "params": {"gamma": 0.95, "lr": 0.002, "net": 256, "width": 64}}


def test_we_continue_a_study_that_optuna_made(peer, url, tmp_path):
    assert peer("optimize", url, "s", 3) == [0, 1, 2]
    assert ran(tool("run", url, "s", 6)) == [3, 4, 5]
    same = peer("facts", url, "s")
    assert [trial["number"] for trial in same["trials"]] == list(range(6))
    assert [trial["params"] for trial in same["trials"]] == [trial["params"] for trial in dump(url)["trials"]]
    assert not list(tmp_path.glob("*-wal"))


def test_what_python_enqueued_is_completed_by_our_proposals_or_fails_with_a_reason(peer, url):
    assert peer("odd", url, "s") == 3
    # 0 is taken, 1 cannot be, 2 was added complete.
    assert ran(tool("run", url, "s", 4)) == [0, 3]
    trials = dump(url)["trials"]
    assert trials[0]["params"]["lr"] == 0.01 and trials[0]["params"]["net"] == 256
    assert sorted(trials[0]["params"]) == PARAMS
    assert trials[0]["user"] == {"from": "Python"}
    assert trials[1]["state"] == "FAIL" and "unheard of" in trials[1]["user"]["failure"]
    assert trials[2]["user"] == {"loss": None, "text": "NaN"}
    assert peer("facts", url, "s")["trials"][3]["params"] == trials[3]["params"]


def start_hanging(url):
    worker = subprocess.Popen([find_tool(), "hang", url, "s"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    return worker, int(worker.stdout.readline())


def test_a_killed_workers_trial_is_queued_again_and_python_runs_it_with_its_parameters(peer, url):
    worker, number = start_hanging(url)
    params = dump(url)["trials"][number]["params"]
    assert ran(tool("requeue", url, "s")) == []
    worker.kill()
    worker.communicate()
    assert ran(tool("requeue", url, "s")) == [number]
    assert dump(url)["trials"][number]["intermediate"] == {}
    assert peer("ask", url, "s") == {"number": number, "params": params}
    # It is Python's now: not re-queued although the process that first held it is dead.
    assert ran(tool("requeue", url, "s")) == []


def test_a_worker_whose_trial_optuna_failed_learns_that_its_lease_is_lost(peer, url):
    worker, number = start_hanging(url)
    assert peer("fail_stale", url, "s") == [number]
    answer, _ = worker.communicate("\n")
    assert answer.strip() == "lease_lost"
    worker, number = start_hanging(url)
    answer, _ = worker.communicate("\n")
    assert answer.strip() == "stored"


def test_python_and_our_workers_share_one_study(peer, url):
    tool("run", url, "s", 1)
    ours = [subprocess.Popen([find_tool(), "run", url, "s", "40", "40"], stdout=subprocess.PIPE, text=True) for _ in range(3)]
    theirs = [
        subprocess.Popen(peer.command("optimize", url, "s", 6), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    numbers = [0]
    for worker in ours:
        output, _ = worker.communicate(timeout=300)
        assert worker.returncode == 0
        numbers += ran(output)
    for worker in theirs:
        output, errors = worker.communicate(timeout=300)
        assert worker.returncode == 0, errors
        numbers += json.loads(output)
    trials = dump(url)["trials"]
    assert sorted(numbers) == [trial["number"] for trial in trials] == list(range(len(trials)))
    assert {trial["state"] for trial in trials} == {"COMPLETE"}
    assert len(peer("facts", url, "s")["trials"]) == len(trials)


def test_a_thousand_queued_trials_run_once_each_while_workers_are_killed(url):
    tool("queue", url, "s", 1000)
    chance = random.Random(7)

    def start():
        return subprocess.Popen([find_tool(), "run", url, "s", "1000", "8"], stdout=subprocess.PIPE)

    workers, output, kills = [start() for _ in range(8)], b"", 0
    while workers:
        for worker in list(workers):
            if worker.poll() is None:
                continue
            output += worker.stdout.read()
            workers.remove(worker)
            if worker.returncode == -signal.SIGKILL:
                workers.append(start())
            else:
                assert worker.returncode == 0
        if workers and kills < 30:
            kills += 1
            chance.choice(workers).send_signal(signal.SIGKILL)
        time.sleep(0.05)

    # A worker killed between storing the end and saying so leaves a number unsaid, never one said twice.
    said = ran(output.decode())
    assert len(said) == len(set(said)) and set(said) <= set(range(1000)) and len(said) >= 1000 - kills
    theirs = Peer(sys.executable)("facts", url, "s")
    assert [trial["number"] for trial in theirs["trials"]] == list(range(1000))
    assert {trial["state"] for trial in theirs["trials"]} == {"COMPLETE"}
    assert {tuple(trial["intermediate"]) for trial in theirs["trials"]} == {("1", "2", "3")}


# The stock dashboard, called as the WSGI application it is: no network.


def get(app, path):
    status = []
    path, _, query = path.partition("?")
    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": sys.stderr,
    }
    body = b"".join(app(environ, lambda line, headers, error=None: status.append(line)))
    assert status == ["200 OK"], body
    return json.loads(body)


@pytest.fixture
def dashboard(url):
    tool("run", url, "s", 12)
    tool("shapes", url, "shapes")
    return optuna_dashboard.wsgi(optuna.storages.RDBStorage(url, skip_table_creation=True))


def test_the_dashboard_lists_our_studies(dashboard, url):
    studies = {study["study_name"]: study for study in get(dashboard, "/api/studies")["study_summaries"]}
    assert sorted(studies) == ["s", "shapes", "shapes-two"]
    assert studies["s"]["directions"] == ["maximize"]
    assert studies["shapes-two"]["directions"] == ["minimize", "maximize"]


def test_the_dashboard_shows_our_trials_and_importances(dashboard, url):
    ids = {study["study_name"]: study["study_id"] for study in get(dashboard, "/api/studies")["study_summaries"]}
    detail = get(dashboard, f"/api/studies/{ids['s']}?after=0")
    ours = dump(url)["trials"]
    assert [trial["number"] for trial in detail["trials"]] == list(range(12))
    for our, their in zip(ours, detail["trials"]):
        assert their["state"] == "Complete"
        assert their["values"] == our["values"]
        assert {param["name"]: param["param_external_value"] for param in their["params"]} == {
            name: str(value) for name, value in our["params"].items()
        }
        assert [entry["value"] for entry in their["intermediate_values"]] == list(our["intermediate"].values())
    best = max(ours, key=lambda trial: trial["values"][0])
    assert [trial["number"] for trial in detail["best_trials"]] == [best["number"]]

    importances = get(dashboard, f"/api/studies/{ids['s']}/param_importances")["param_importances"]
    assert sorted(entry["name"] for entry in importances[0]) == PARAMS
    expected = Peer(sys.executable)("summary", url, "s")["importances"]
    for entry in importances[0]:
        assert entry["importance"] == pytest.approx(expected[entry["name"]])


def test_the_dashboard_shows_every_shape_of_trial(dashboard, url):
    ids = {study["study_name"]: study["study_id"] for study in get(dashboard, "/api/studies")["study_summaries"]}
    detail = get(dashboard, f"/api/studies/{ids['shapes']}?after=0")
    states = [trial["state"] for trial in detail["trials"]]
    assert states == [*["Complete"] * 3, "Pruned", "Pruned", "Fail", "Running", "Complete", "Waiting"]
    assert [trial["values"] for trial in detail["trials"][:3]] == [[0.25], ["inf"], ["-inf"]]
    assert detail["trials"][7]["constraints"] == [-1.0, 0.5]
    two = get(dashboard, f"/api/studies/{ids['shapes-two']}?after=0")
    assert sorted(trial["number"] for trial in two["best_trials"]) == [0, 1]


def test_optuna_finds_nothing_to_add_to_our_tables(url, tmp_path):
    tool("run", url, "s", 1)

    def schema():
        with sqlite3.connect(tmp_path / "studies.db") as connection:
            tables = connection.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall()
            return tables, connection.execute("SELECT * FROM version_info, alembic_version").fetchall()

    before = schema()
    Peer(sys.executable)("facts", url, "s")
    assert schema() == before
    assert len([name for name, _ in before[0] if not name.startswith(("ix_", "sqlite_"))]) == 13
