"""The four pods of the lending library: what they are asked, and how they are recorded."""

import http.client
import os
import select
import shutil
import signal
import subprocess
import time
from pathlib import Path

from model import Request, ServerRun
from sandbox import Sandbox, child_of

PORT = 8080


def get(path: str, status: int = 200) -> Request:
    return Request("GET", path, status)


def borrow(member: str, book: str, status: int = 200) -> Request:
    return Request("POST", "/loans", status, f'{{"member":"{member}","book":"{book}"}}')


def give_back(member: str, book: str, days: int, status: int = 200) -> Request:
    return Request("POST", "/returns", status, f'{{"member":"{member}","book":"{book}","days":{days}}}')


# Pod -> rounds of requests; each round ends with a flush.
REQUESTS: dict[str, list[list[Request]]] = {
    # Readers who look around.
    "pod-0": [[get("/healthz"), get("/books"), get("/books?q=jane+austen"), get("/books/moby"), get("/books/x", 404)]],
    # Loans, with all that can go wrong.
    "pod-1": [
        [
            borrow("ada", "emma"),
            borrow("ada", "moby"),
            borrow("ada", "time", 409),
            Request("POST", "/loans", 400, "not JSON"),
            Request("POST", "/loans", 400, '{"member":"ada"}'),
            get("/members/ada"),
        ]
    ],
    # Returns, in time and late.
    "pod-2": [
        [
            borrow("grace", "persuasion"),
            give_back("grace", "persuasion", 10),
            borrow("grace", "time"),
            give_back("grace", "time", 20),
            give_back("grace", "time", 20, 404),
        ]
    ],
    # Two test runs against one pod: a waiting list; then somebody who uses the wrong method.
    "pod-3": [
        [borrow("joan", "emma"), borrow("mary", "emma"), give_back("joan", "emma", 3), get("/members/mary")],
        [Request("DELETE", "/books/emma", 405), get("/books/emma")],
    ],
}


def record_pod(box: Sandbox, run: ServerRun, data: Path) -> None:
    """Runs the server, sends the requests, flushes, and copies the files to data before the server is killed."""
    coverage = box.root / "coverage"
    server = box.start_as_pid_1(run.argv)
    try:
        wait_for_port()
        for done, requests in enumerate(run.rounds):
            for request in requests:
                send(request)
            flush(server, coverage, files_before=done)
        shutil.copytree(coverage, data, dirs_exist_ok=True)
    finally:
        server.kill()
        server.wait()
    wait_for_port(closed=True)


def wait_for_port(closed: bool = False) -> None:
    """Waits until the server accepts connections, or no longer does. No request is sent: it would be counted."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=5)
        try:
            connection.connect()
            if not closed:
                return
        except OSError:
            if closed:
                return
        finally:
            connection.close()
        time.sleep(0.02)
    raise SystemExit(f"record.sh: the server did not {'end' if closed else 'start'}")


def send(request: Request) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=20)
    connection.request(request.method, request.path, request.body, {"Connection": "close"})
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    if answer.status != request.status:
        raise SystemExit(f"record.sh: {request}: got {answer.status} {text!r}")


def flush(server: subprocess.Popen, coverage: Path, files_before: int) -> None:
    """Sends SIGUSR1 and waits for the server's word that the counters are written and cleared.

    The file alone would not do: it appears before the counters are cleared, and a request that came between
    would be lost.
    """
    os.kill(child_of(server), signal.SIGUSR1)
    if not select.select([server.stderr], [], [], 20)[0]:
        raise SystemExit("record.sh: the server does not react to SIGUSR1")
    line = server.stderr.readline().decode().strip()
    if line != "snapshot: counters written to /coverage":
        raise SystemExit(f"record.sh: the server said {line!r}")
    files = len(list(coverage.glob("covcounters.*")))
    if files != files_before + 1:
        raise SystemExit(f"record.sh: {files} counter files after flush {files_before + 1}")
