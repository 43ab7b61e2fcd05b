"""A study made by `regulus tune`, opened, judged and continued by Optuna."""

import json
import os
import pathlib
import shutil
import subprocess
import warnings

import optuna
import pytest
from optuna.trial import TrialState

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
REGULUS = os.environ.get("REGULUS_BINARY") or os.environ.get("REGULUS_BIN") or str(REPOSITORY / "build/release/regulus")
WORLD = ["--num-drivers", "3", "--max-bookings", "4", "--simulation-hours", "1"]
TUNE = ["tune", "--episodes", "20", "--eval-episodes", "4", "--select-top", "2", "--select-seeds", "1"]
TUNE += ["--validate-seeds", "1", "--warmup-episodes", "3", "--study-name", "peer", *WORLD]

optuna.logging.set_verbosity(optuna.logging.ERROR)
warnings.simplefilter("ignore")


def regulus(folder, *words):
    command = [REGULUS, *words, "--json"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def study_in(folder):
    return optuna.load_study(study_name="peer", storage=f"sqlite:///{folder}/data/rl/studies.db")


@pytest.fixture(scope="module")
def tuned(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tuned")
    return folder, regulus(folder, *TUNE, "--trials", "14", "--sampler", "random", "--jobs", "2")


@pytest.fixture
def copy(tuned, tmp_path):
    shutil.copytree(tuned[0], tmp_path, dirs_exist_ok=True)
    return tmp_path


def test_optuna_sees_the_trials_that_were_reported(tuned):
    folder, result = tuned
    study = study_in(folder)
    assert study.direction == optuna.study.StudyDirection.MAXIMIZE
    assert [trial.number for trial in study.trials] == list(range(14))
    count = {state: sum(trial.state == state for trial in study.trials) for state in TrialState}
    assert result["n_trials_total"] == 14
    assert result["n_trials_completed"] == count[TrialState.COMPLETE]
    assert result["n_trials_pruned"] == count[TrialState.PRUNED]
    assert count[TrialState.RUNNING] == count[TrialState.WAITING] == count[TrialState.FAIL] == 0
    # The first of the history is the best by the score of the search.
    best = result["optimization_history"][0]
    assert (best["trial"], best["value"]) == (study.best_trial.number, study.best_value)
    assert best["params"] == study.best_params
    chosen = study.trials[result["best_trial_number"]]
    assert chosen.params == result["best_params"]
    assert chosen.value == result["tuning_score"]


def test_values_lie_inside_their_distributions_and_reports_come_in_order(tuned):
    study = study_in(tuned[0])
    for trial in study.trials:
        assert trial.params.keys() == trial.distributions.keys()
        for name, value in trial.params.items():
            distribution = trial.distributions[name]
            assert distribution._contains(distribution.to_internal_repr(value)), (name, value)
        steps = list(trial.intermediate_values)
        assert steps == sorted(steps) and steps
        assert trial.datetime_start <= trial.datetime_complete
        if trial.state == TrialState.PRUNED:
            assert trial.value == trial.intermediate_values[max(steps)]


def test_the_table_plots_and_importances_work(tuned):
    study = study_in(tuned[0])
    frame = study.trials_dataframe()
    assert len(frame) == 14 and "params_learning_rate" in frame.columns
    evaluator = optuna.importance.PedAnovaImportanceEvaluator()
    importances = optuna.importance.get_param_importances(study, evaluator=evaluator)
    assert set(importances) <= set(study.trials[0].params)
    plan = study.user_attrs["regulus:plan"]
    assert plan["config"]["environment"]["num_drivers"] == 3 and plan["seed"] == 42


def test_optuna_continues_the_study_and_regulus_continues_after_it(copy):
    study = study_in(copy)
    space = study.trials[0].distributions
    trial = study.ask(space)
    study.tell(trial, 1.0)
    assert trial.number == 14
    result = regulus(copy, *TUNE, "--trials", "16", "--sampler", "random", "--jobs", "1")
    assert result["n_trials_total"] == 16
    after = study_in(copy)
    assert [trial.number for trial in after.trials] == list(range(16))
    assert after.trials[14].value == 1.0
    assert after.trials[15].state.is_finished()


def test_a_trial_queued_in_python_is_run_by_regulus_as_it_was_queued(copy):
    study = study_in(copy)
    study.enqueue_trial({"gamma": 0.93, "batch_size": 64})
    regulus(copy, *TUNE, "--trials", "15", "--sampler", "random", "--jobs", "1")
    trial = study_in(copy).trials[14]
    assert trial.state.is_finished()
    assert trial.params["gamma"] == 0.93 and trial.params["batch_size"] == 64
