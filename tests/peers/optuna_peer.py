"""What Optuna itself sees and does in a study of ours; run by the interpreter of either Optuna version.

    python optuna_peer.py VERB URL STUDY [ARGUMENT]     prints one JSON value

The tests (test_study_store.py) compare it with what `study_store_tool` says of the same file.
"""

import json
import math
import sqlite3
import sys
import warnings

import optuna

warnings.simplefilter("ignore")
optuna.logging.set_verbosity(optuna.logging.ERROR)


def readable(value):
    if isinstance(value, float) and not math.isfinite(value):
        return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"
    return value


def times(trial):
    """Microseconds since 1970 UTC. Optuna 5 turns the stored UTC into local time; 4.9 hands out what is stored."""

    def microseconds(moment):
        if moment is None:
            return 0
        if optuna.__version__.startswith("4."):
            import datetime

            moment = moment.replace(tzinfo=datetime.timezone.utc)
        return round(moment.timestamp() * 1_000_000)

    return {"started_us": microseconds(trial.datetime_start), "finished_us": microseconds(trial.datetime_complete)}


def facts(study):
    return {
        "name": study.study_name,
        "trials": [
            {
                "number": trial.number,
                "state": trial.state.name,
                "values": [readable(value) for value in trial.values or []],
                "params": trial.params,
                "intermediate": {str(step): readable(value) for step, value in trial.intermediate_values.items()},
                "user": trial.user_attrs,
                **times(trial),
            }
            for trial in study.trials
        ],
    }


def suggest_all(trial):
    return {
        "gamma": trial.suggest_float("gamma", 0.9, 0.999),
        "lr": trial.suggest_float("lr", 1e-5, 0.1, log=True),
        "net": trial.suggest_categorical("net", ["small", "medium", 256]),
        "width": trial.suggest_int("width", 16, 256, step=16),
    }


def objective(trial):
    params = suggest_all(trial)
    value = 100 - 20 * (math.log10(params["lr"]) + 3) ** 2 - 0.01 * abs(params["width"] - 128)
    for step in (1, 2, 3):
        trial.report(value * step / 3, step)
    return value


def main(verb, url, name, argument=None):
    if verb == "facts":
        return facts(optuna.load_study(storage=url, study_name=name))
    if verb == "summary":
        study = optuna.load_study(storage=url, study_name=name)
        frame = study.trials_dataframe()
        return {
            "best": [study.best_trial.number, study.best_value],
            "rows": len(frame),
            "columns": sorted(column for column in frame.columns if column.startswith("params_")),
            "importances": optuna.importance.get_param_importances(study),
            "user": study.user_attrs,
        }
    if verb == "pareto":
        return sorted(trial.number for trial in optuna.load_study(storage=url, study_name=name).best_trials)
    if verb == "optimize":
        study = optuna.create_study(storage=url, study_name=name, direction="maximize", load_if_exists=True)
        ran = []
        study.optimize(objective, n_trials=int(argument), callbacks=[lambda _, trial: ran.append(trial.number)])
        return ran
    if verb == "ask":
        trial = optuna.load_study(storage=url, study_name=name).ask()
        return {"number": trial.number, "params": suggest_all(trial)}
    if verb == "odd":
        # What a Python worker may write and a strict reader would stumble over.
        study = optuna.create_study(storage=url, study_name=name, direction="maximize")
        study.set_user_attr("best", math.inf)
        study.enqueue_trial({"lr": 0.01, "net": 256}, user_attrs={"from": "Python"})
        study.enqueue_trial({"lr": 0.01, "net": "unheard of"})
        study.add_trial(optuna.trial.create_trial(value=1.0, user_attrs={"loss": math.nan, "text": "NaN"}))
        return len(study.trials)
    if verb == "fail_stale":
        # As after a minute without heartbeats.
        with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
            connection.execute("UPDATE trial_heartbeats SET heartbeat = '2020-01-01 00:00:00.000000'")
        storage = optuna.storages.RDBStorage(url, heartbeat_interval=30)
        study = optuna.load_study(storage=storage, study_name=name)
        optuna.storages.fail_stale_trials(study)
        return [trial.number for trial in study.trials if trial.state == optuna.trial.TrialState.FAIL]
    raise SystemExit(f"unknown verb {verb}")


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
