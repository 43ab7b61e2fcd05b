"""The alert rules and the dashboard: they fire when they should, and ask for series that the server has."""

import json
import re
import shutil
import subprocess

import pytest
from test_serve import REPOSITORY, RIDE, a_company, serving

DEPLOY = REPOSITORY / "deploy"


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
@pytest.mark.parametrize("days", ["alerts_test.yml", "alerts_days_test.yml"])
def test_alerts_fire_when_they_should_and_not_before(days):
    done = subprocess.run(
        ["promtool", "test", "rules", REPOSITORY / "tests/app" / days], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_every_alert_is_tested():
    alerts = set(re.findall(r"- alert: (\w+)", (DEPLOY / "prometheus/alerts.yml").read_text(encoding="utf-8")))
    tested = set()
    for days in ("alerts_test.yml", "alerts_days_test.yml"):
        page = (REPOSITORY / "tests/app" / days).read_text(encoding="utf-8")
        for test in re.split(r"- alertname: ", page)[1:]:
            if "exp_labels" in test.split("{alertname")[0]:
                tested.add(re.match(r"\w+", test).group())
    assert tested == alerts


def test_alerts_and_dashboard_ask_for_what_the_server_says(tmp_path):
    with serving(tmp_path) as server:
        token = a_company(server)
        server.ask("POST", "/api/v1/companies/1/bookings", token, RIDE)
        status, _, _ = server.ask("POST", "/api/v1/companies/1/dispatch:run", token, {"at": "2026-03-02T08:00:00Z"})
        assert status == 200
        _, scraped, _ = server.ask("GET", "/metrics")
    said = set(re.findall(r"^(\w+)(?:\{.*\})? \S+$", scraped, flags=re.MULTILINE))
    described = set(re.findall(r"^# TYPE (\w+) ", scraped, flags=re.MULTILINE))
    for name in said:
        assert re.sub("_(bucket|sum|count)$", "", name) in described or name in described, f"{name} has no TYPE"
    dashboard = json.loads((DEPLOY / "grafana/dashboards/regulus.json").read_text(encoding="utf-8"))
    asked = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    asked += re.findall(r"expr: (.*)", (DEPLOY / "prometheus/alerts.yml").read_text(encoding="utf-8"))
    names = {name for line in asked for name in re.findall(r"\b(?:dispatch|process)_\w+", line)}
    assert len(names) > 10
    assert names <= said, names - said
    # What an alert or a rate looks at is there before its first event.
    for reason in ("failed", "illegal", "late", "stuck", "unloadable"):
        assert f'dispatch_fallback_total{{reason="{reason}"}} 0\n' in scraped
    assert re.search(r'^dispatch_build_info\{version="\d+\.\d+\.\d+"\} 1$', scraped, flags=re.MULTILINE)
