"""What a monitor, a log and a reader of the description see of a server that runs."""

import contextlib
import fcntl
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import time

import pytest
import yaml
from test_serve import RIDE, a_company, serving


def get(port, path):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", path)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


def test_metrics_have_a_port_of_their_own_when_they_are_given_one(tmp_path):
    (tmp_path / "serve.json").write_text(json.dumps({"metrics_port": 0, "metrics_address": "127.0.0.1"}), encoding="utf-8")
    for words in (["--metrics-port", "0"], ["--config", "serve.json"]):
        with serving(tmp_path, *words) as server:
            metrics = server.told["metrics_port"]
            assert metrics not in (0, server.port)
            assert get(server.port, "/metrics")[0] == 404
            assert get(server.port, "/healthz")[0] == 200
            for _ in range(50):  # more than a stranger may
                status, text = get(metrics, "/metrics")
                assert status == 200 and "\ndispatch_build_info{" in text
            assert [get(metrics, path)[0] for path in ("/healthz", "/readyz", "/version", "/api/v1/me")] == [200, 200, 404, 404]
            assert server.stop() == 0


def test_an_address_for_metrics_without_a_port_is_refused(tmp_path):
    words = [os.environ["REGULUS_BINARY"], "serve", "--port", "0", "--metrics-address", "0.0.0.0"]
    ended = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=30)
    assert ended.returncode != 0 and "--metrics-port" in ended.stderr


def test_metrics_at_the_port_of_everybody_are_limited_and_the_health_is_not(tmp_path):
    with serving(tmp_path) as server:
        assert "metrics_port" not in server.told
        answers = {path: [get(server.port, path)[0] for _ in range(60)] for path in ("/metrics", "/openapi.yaml", "/healthz", "/readyz")}
    assert answers["/metrics"][0] == 200 and 429 in answers["/metrics"] and set(answers["/metrics"]) == {200, 429}
    assert 429 in answers["/openapi.yaml"], "one bucket for all of it"
    assert set(answers["/healthz"]) == set(answers["/readyz"]) == {200}


def test_what_the_door_refuses_is_in_the_log_and_in_the_metrics(tmp_path):
    with serving(tmp_path) as server:
        with contextlib.closing(socket.create_connection(("127.0.0.1", server.port), timeout=30)) as client:
            client.sendall(b"GET / HTTP/1.1\r\n\r\n")
            head = client.recv(65536).decode().split("\r\n\r\n")[0]
        identity = re.search(r"^X-Request-Id: (\S+)\r$", head, flags=re.MULTILINE).group(1)
        while True:
            line = server.process.stderr.readline()
            assert line, "the log ended"
            if json.loads(line).get("refused"):
                break
        assert json.loads(line) == {"at": json.loads(line)["at"], "request": identity, "refused": "missing_host", "status": 400}
        assert 'dispatch_http_refused_total{reason="missing_host"} 1\n' in get(server.port, "/metrics")[1]


def test_the_description_is_the_same_in_yaml(tmp_path):
    with serving(tmp_path) as server:
        as_json, as_yaml = get(server.port, "/openapi.json")[1], get(server.port, "/openapi.yaml")[1]
    assert yaml.safe_load(as_yaml) == json.loads(as_json)
    assert as_yaml.startswith("openapi:"), "block style, as people write it"


def a_full_pipe():
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    os.set_blocking(writer, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writer, b"x" * 512)
    os.set_blocking(writer, True)  # as whoever starts a server hands it over
    return reader, writer


def test_a_server_whose_log_nobody_reads_still_answers_and_ends(tmp_path):
    reader, writer = a_full_pipe()
    try:
        with serving(tmp_path, "--log", "all", stderr=writer) as server:
            token = a_company(server)
            # More than it has threads that could hang, and changes, which are logged by the thread that writes.
            for _ in range(30):
                assert server.ask("GET", "/healthz")[0] == 200
                assert server.ask("POST", "/api/v1/companies/1/bookings", token, RIDE)[0] == 201
            begun = time.monotonic()
            assert server.stop(signal.SIGTERM) == 0
            assert time.monotonic() - begun < 15
    finally:
        os.close(reader)
        os.close(writer)


def test_the_log_is_whole_when_the_server_was_told_to_end(tmp_path):
    with serving(tmp_path, "--log", "all") as server:
        for _ in range(100):
            assert get(server.port, "/healthz")[0] == 200
        server.process.send_signal(signal.SIGTERM)
        log = server.process.stderr.read()
        assert server.stop() == 0
    assert sum(json.loads(line).get("operation") == "healthz" for line in log.splitlines()) == 100


def test_the_description_is_the_same_as_yaml(tmp_path):
    yaml = pytest.importorskip("yaml")
    with serving(tmp_path) as server:
        status, text, answer = server.ask("GET", "/openapi.yaml")
        described = server.ask("GET", "/openapi.json")[1]
    assert status == 200 and answer.getheader("Content-Type") == "application/yaml"
    assert yaml.safe_load(text) == described
    assert text.startswith("openapi: ") and "\npaths:\n" in text
    # Blocks, and not JSON, which is YAML too.
    assert not re.search(r"^\s*[\[{].", text, flags=re.MULTILINE)
