"""Models of ours opened by the `safetensors` package.

The real program trains a small agent of each network. The package must read its metadata and, number for number, its
weights; and what the package writes again must play the same days.
"""

import json
import os
import pathlib
import struct
import subprocess

import numpy
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
REGULUS = os.environ.get("REGULUS_BINARY") or os.environ.get("REGULUS_BIN") or str(REPOSITORY / "build/release/regulus")
WORLD = ["--num-drivers", "3", "--max-bookings", "4", "--simulation-hours", "1"]


def regulus(folder, *words):
    command = [REGULUS, *words, "--json"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module", params=["pairs", "slots"])
def run(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    sizes = ["--pair-hidden-sizes", "8,5", "--hidden-sizes", "16,12"]
    short = ["--warmup-episodes", "3", "--eval-episodes", "3", "--confirm-episodes", "3", "--final-episodes", "3"]
    regulus(folder, "train", "--episodes", "4", "--network", request.param, *WORLD, *sizes, *short)
    return request.param, folder, folder / "data/rl/models/dqn_best.safetensors"


def by_hand(path):
    """The format as its specification says, without the package."""
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        start, end = entry["data_offsets"]
        assert entry["dtype"] == "F32"
        values = numpy.frombuffer(data[8 + length + start : 8 + length + end], dtype="<f4")
        tensors[name] = values.reshape(entry["shape"])
    return header["__metadata__"], tensors


def test_the_package_reads_the_same_numbers(run):
    network, _, path = run
    metadata, tensors = by_hand(path)
    loaded = load_file(path)
    assert set(loaded) == set(tensors)
    for name, values in loaded.items():
        assert values.dtype == numpy.float32
        assert values.tobytes() == tensors[name].tobytes() and values.shape == tensors[name].shape
        assert numpy.isfinite(values).all()
    with safe_open(path, framework="numpy") as file:
        assert file.metadata() == metadata
    config = json.loads(metadata["config"])
    assert config["network"]["network"] == network
    assert json.loads(metadata["environment"]) == config["environment"]
    assert config["environment"]["num_drivers"] == 3
    assert metadata["reward"] == "V1"
    assert float(metadata["reward_scale"]) > 0
    assert json.loads(metadata["seeds"])["agent"] == 1
    for key in ("format", "architecture", "architecture_hash", "schema", "episodes"):
        assert metadata[key]


def test_the_layers_have_the_sizes_asked_for(run):
    network, _, path = run
    widths = [8, 5] if network == "pairs" else [16, 12]
    shapes = sorted(values.shape for name, values in load_file(path).items() if values.ndim == 2)
    for inputs, outputs in zip(widths, widths[1:]):
        assert (outputs, inputs) in shapes
    if network == "slots":
        # 4N + 4M + 2 features in, N × M + 1 actions out.
        assert (16, 4 * 3 + 4 * 4 + 2) in shapes
        assert (3 * 4 + 1, 12) in shapes


def test_written_again_by_the_package_it_plays_the_same_days(run):
    _, folder, path = run
    with safe_open(path, framework="numpy") as file:
        metadata = file.metadata()
    # These two are the mark of our own writer, whose checksum another writer's bytes cannot have.
    for ours in ("writer", "crc32c"):
        metadata.pop(ours)
    save_file(load_file(path), folder / "again.safetensors", metadata=metadata)
    ours = regulus(folder, "evaluate", "--model", str(path), "--episodes", "40")
    theirs = regulus(folder, "evaluate", "--model", "again.safetensors", "--episodes", "40")
    assert ours["dqn"] == theirs["dqn"]


def test_a_changed_weight_changes_the_play(run):
    _, folder, path = run
    with safe_open(path, framework="numpy") as file:
        metadata = {key: value for key, value in file.metadata().items() if key not in ("writer", "crc32c")}
    # The best network may be the untrained one, whose last layer is zero: add something to every weight.
    draw = numpy.random.default_rng(1)
    tensors = {
        name: values + draw.normal(size=values.shape).astype(values.dtype) for name, values in load_file(path).items()
    }
    save_file(tensors, folder / "changed.safetensors", metadata=metadata)
    ours = regulus(folder, "evaluate", "--model", str(path), "--episodes", "40")
    theirs = regulus(folder, "evaluate", "--model", "changed.safetensors", "--episodes", "40")
    assert ours["dqn"] != theirs["dqn"]
