"""Models of ours run by onnxruntime.

The real program trains a small agent of each network and exports it. The `onnx` package must find nothing wrong with the
file and in it the weights of the model file; onnxruntime must take the very choices that our program takes.
"""

import json
import os
import pathlib
import subprocess

import numpy
import onnx
import onnxruntime
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
REGULUS = os.environ.get("REGULUS_BINARY") or os.environ.get("REGULUS_BIN") or str(REPOSITORY / "build/release/regulus")
WORLD = ["--num-drivers", "3", "--max-bookings", "4", "--simulation-hours", "1"]
MODEL = "data/rl/models/dqn_best.safetensors"

# Network, further flags, states to compare.
AGENTS = {
    "pairs": (["--network", "pairs"], 10_000),
    "pairs_not_residual": (["--network", "pairs", "--residual", "false"], 1000),
    "pairs_dueling_layer_norm": (["--network", "pairs", "--dueling", "--layer-norm", "--dropout", "0.1"], 1000),
    "pairs_not_residual_dueling": (["--network", "pairs", "--residual", "false", "--dueling"], 1000),
    "dispatch": (["--scenario", "geneva-medical", "--n-step", "50"], 10_000),
    "slots": (["--network", "slots"], 500),
    "slots_dueling_layer_norm": (["--network", "slots", "--dueling", "--layer-norm"], 500),
}


def regulus(folder, *words):
    command = [REGULUS, *words, "--json"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def stirred(path):
    """The best of a short training may be the untrained network, whose last layer is zero: add something to every weight."""
    with safe_open(path, framework="numpy") as file:
        # These two are the mark of our own writer, whose checksum another writer's bytes cannot have.
        metadata = {key: value for key, value in file.metadata().items() if key not in ("writer", "crc32c")}
    draw = numpy.random.default_rng(1)
    tensors = {
        name: values + draw.normal(scale=0.3, size=values.shape).astype(values.dtype)
        for name, values in load_file(path).items()
    }
    save_file(tensors, path, metadata=metadata)


@pytest.fixture(scope="module", params=AGENTS)
def exported(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    flags, count = AGENTS[request.param]
    sizes = ["--pair-hidden-sizes", "32,16", "--hidden-sizes", "32,16"]
    short = ["--warmup-episodes", "3", "--eval-episodes", "3", "--confirm-episodes", "3", "--final-episodes", "3"]
    regulus(folder, "train", "--episodes", "4", *flags, *WORLD, *sizes, *short)
    stirred(folder / MODEL)
    answer = regulus(folder, "export", MODEL, "--output", "agent.onnx", "--states", str(count))
    return request.param, folder, answer


def outputs_of(folder, states):
    """What onnxruntime makes of every state: values one below the other, and choices."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(folder / "agent.onnx", options, providers=["CPUExecutionProvider"])
    inputs = {value.name for value in session.get_inputs()}
    if "observation" in inputs:
        legal = states["legal"] != 0
        values, choice = [], []
        for i in range(len(legal)):
            one, best = session.run(
                ["values", "choice"], {"observation": states["observation"][i : i + 1], "legal": legal[i : i + 1]}
            )
            values.append(one)
            choice.append(best)
        return numpy.concatenate(values), numpy.concatenate(choice)
    values, choice = [], []
    ends = numpy.cumsum(states["rows_of_state"].astype(int))
    for start, end in zip([0, *ends], ends):
        feed = {name: states[name][start:end] for name in inputs}
        one, best = session.run(["values", "choice"], feed)
        values.append(one)
        choice.append(int(best))
    return numpy.concatenate(values), numpy.array(choice)


def test_the_checker_finds_nothing_and_the_package_writes_the_same_bytes(exported):
    _, folder, answer = exported
    model = onnx.load(folder / "agent.onnx")
    onnx.checker.check_model(model, full_check=True)
    assert model.SerializeToString(deterministic=True) == (folder / "agent.onnx").read_bytes()
    assert (model.ir_version, model.opset_import[0].version) == (8, answer["operator_set"])
    assert [value.name for value in model.graph.input] == answer["inputs"]
    assert [value.name for value in model.graph.output] == answer["outputs"] == ["values", "choice"]
    with safe_open(folder / MODEL, framework="numpy") as file:
        assert {entry.key: entry.value for entry in model.metadata_props} == file.metadata()


def test_the_baseline_is_read_where_it_counts_and_nowhere_else(exported):
    agent, _, answer = exported
    if agent.startswith("slots"):
        assert answer["inputs"] == ["observation", "legal"]
    else:
        assert answer["inputs"] == (["rows"] if "not_residual" in agent else ["rows", "baseline"])


def test_the_weights_are_those_of_the_model_file(exported):
    _, folder, _ = exported
    constants = {c.name: onnx.numpy_helper.to_array(c) for c in onnx.load(folder / "agent.onnx").graph.initializer}
    for name, values in load_file(folder / MODEL).items():
        assert constants[name].dtype == numpy.float32
        assert constants[name].shape == values.shape and constants[name].tobytes() == values.tobytes()


def test_the_runtime_takes_the_same_choices(exported):
    agent, folder, answer = exported
    count = AGENTS[agent][1]
    states = load_file(folder / answer["states"]["output"])
    assert states["choice"].shape == (count,)
    assert len(set(states["choice"])) > 2, "too few different choices to tell anything"
    values, choice = outputs_of(folder, states)
    assert values.shape == states["values"].shape
    finite = numpy.isfinite(states["values"])
    assert (numpy.isfinite(values) == finite).all()
    assert (values[~finite] == -numpy.inf).all()
    numpy.testing.assert_allclose(values[finite], states["values"][finite], rtol=1e-5, atol=1e-5)
    different = numpy.flatnonzero(choice != states["choice"].astype(int))
    assert different.size == 0, f"{different.size} of {count} choices differ, the first in state {different[0]}"


def test_many_states_of_fixed_actions_are_answered_at_once(exported):
    agent, folder, answer = exported
    if not agent.startswith("slots"):
        return
    states = load_file(folder / answer["states"]["output"])
    session = onnxruntime.InferenceSession(folder / "agent.onnx", providers=["CPUExecutionProvider"])
    (choice,) = session.run(["choice"], {"observation": states["observation"], "legal": states["legal"] != 0})
    assert (choice == states["choice"].astype(int)).all()


def test_equal_values_go_to_the_lowest_index(tmp_path):
    """A residual network before its first update adds nothing, so that equal baselines are equal values."""
    short = ["--warmup-episodes", "3", "--eval-episodes", "3", "--confirm-episodes", "3", "--final-episodes", "3"]
    regulus(tmp_path, "train", "--episodes", "1", *WORLD, *short)
    tensors = load_file(tmp_path / MODEL)
    with safe_open(tmp_path / MODEL, framework="numpy") as file:
        metadata = {key: value for key, value in file.metadata().items() if key not in ("writer", "crc32c")}
    for name in ("head.weight", "head.bias"):
        tensors[name] = numpy.zeros_like(tensors[name])
    save_file(tensors, tmp_path / MODEL, metadata=metadata)
    regulus(tmp_path, "export", MODEL)
    session = onnxruntime.InferenceSession(
        tmp_path / MODEL.replace(".safetensors", ".onnx"), providers=["CPUExecutionProvider"]
    )
    rows = numpy.random.default_rng(1).normal(size=(5, tensors["layers.0.weight"].shape[1])).astype(numpy.float32)
    baseline = numpy.array([1, 7, 3, 7, 7], dtype=numpy.float32)
    values, choice = session.run(["values", "choice"], {"rows": rows, "baseline": baseline})
    assert choice == 1
    numpy.testing.assert_array_equal(values, baseline / numpy.float32(float(metadata["reward_scale"])))
