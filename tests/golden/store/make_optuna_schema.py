"""Writes optuna_schema.sql: what Optuna itself makes of an empty SQLite file.

    python make_optuna_schema.py    # with optuna 5.0.0 installed; 4.9.0 gives the same file
"""

import pathlib
import re
import sqlite3
import tempfile

import optuna


def normalised(sql: str) -> str:
    """One statement on one line; only the spaces differ from the original."""
    return re.sub(r"\s*\)", ")", re.sub(r"\(\s*", "(", re.sub(r"\s+", " ", sql)))


with tempfile.TemporaryDirectory() as folder:
    file = pathlib.Path(folder) / "study.db"
    optuna.create_study(storage=f"sqlite:///{file}", study_name="empty")
    connection = sqlite3.connect(file)
    lines = [
        normalised(sql) + ";\n"
        for (sql,) in connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY type, name")
    ]
    lines += [
        f"-- version_info {version}, alembic_version {revision}\n"
        for version, revision in connection.execute("SELECT schema_version, version_num FROM version_info, alembic_version")
    ]
    connection.close()

(pathlib.Path(__file__).parent / "optuna_schema.sql").write_text("".join(lines))
