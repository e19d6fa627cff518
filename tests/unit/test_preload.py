"""Scripts run by forks of a process that has loaded their libraries."""

import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from reveil.preload import PRELOADED, client, server, starting
from reveil.supervisor import processes

ENVIRONMENT = {**os.environ, **starting.ONE_THREAD}
CLIENT = str(starting.HERE / "client.py")
WITH_REVEIL = {**ENVIRONMENT, "PYTHONPATH": str(starting.HERE.parents[1])}
PATIENCE = 60


@pytest.fixture(scope="module", autouse=True)
def _heard() -> Iterator[None]:
    """Let no signal be ignored: a shell has its background jobs ignore those of the keyboard."""
    ignored = [n for n in client.PASSED_ON if signal.getsignal(n) == signal.SIG_IGN]
    for number in ignored:
        signal.signal(number, signal.SIG_DFL)
    yield
    for number in ignored:
        signal.signal(number, signal.SIG_IGN)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start a server as Snakemake would, and yield where it listens."""
    path = tmp_path_factory.mktemp("server") / "jobs"
    serving = subprocess.Popen([sys.executable, str(starting.SERVER), str(path)], env=ENVIRONMENT)
    wait_for(path.exists)
    yield str(path)
    serving.terminate()
    assert serving.wait(PATIENCE) == 0 and not path.exists()


def wait_for(condition: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "it never came to be"
        time.sleep(0.02)


def script(folder: Path, text: str) -> str:
    path = folder / "tmp123.attack_images.py"
    path.write_text(textwrap.dedent(text))
    return str(path)


def command(address: str, path: str) -> list[str]:
    return [sys.executable, "-IS", CLIENT, address, sys.executable, path]


def asking(folder: Path, text: str) -> tuple[subprocess.Popen, socket.socket]:
    """Return a client, and its connection, of which the request was read and not answered yet."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(folder / "jobs"))
        listening.listen()
        job = start(str(folder / "jobs"), script(folder, text))
        connection, _ = listening.accept()
    server.close(server.read(connection).streams)
    return job, connection


def run(address: str, path: str, **how) -> subprocess.CompletedProcess:
    how = {"env": ENVIRONMENT, "capture_output": True, "text": True, **how}
    return subprocess.run(command(address, path), timeout=PATIENCE, check=False, **how)


def start(address: str, path: str) -> subprocess.Popen:
    return subprocess.Popen(command(address, path), env=ENVIRONMENT, stdout=subprocess.PIPE)


ABOUT = f"""
    import json, os, sys, tempfile
    umask = os.umask(0)
    print(json.dumps({{
        "preloaded": os.environ.get({PRELOADED!r}), "torch": "torch" in sys.modules,
        "reveil": any(name.split(".")[0] == "reveil" for name in sys.modules),
        "name": __name__, "file": __file__, "argv": sys.argv, "path": sys.path[0],
        "folder": os.getcwd(), "mine": os.environ.get("MINE"), "umask": umask,
        "input": sys.stdin.read(), "temporary": tempfile.gettempdir(),
        "main": sys.modules["__main__"].__file__,
        "threads": len(os.listdir("/proc/self/task")),
        "title": open("/proc/self/comm").read().strip(),
    }}))
    print("to the error stream", file=sys.stderr)
"""


def test_a_script_finds_what_it_would_find_without_a_server(address, tmp_path):
    path = script(tmp_path, ABOUT)
    how = {
        "cwd": tmp_path, "input": "given", "umask": 0o027,
        "env": {**ENVIRONMENT, "MINE": "yes", "TMPDIR": str(tmp_path)},
    }  # fmt: skip
    forked = run(address, path, **how)
    alone = run(str(tmp_path / "no-server"), path, **how)
    assert forked.returncode == alone.returncode == 0
    assert forked.stderr == alone.stderr == "to the error stream\n"
    forked, alone = json.loads(forked.stdout), json.loads(alone.stdout)
    theirs = {name: forked.pop(name) for name in ("preloaded", "torch", "title")}
    assert theirs == {"preloaded": "1", "torch": True, "title": "attack_images"}
    assert (alone.pop("preloaded"), alone.pop("torch")) == (None, False)
    alone.pop("title")
    assert forked == alone
    assert (forked["mine"], forked["umask"], forked["input"]) == ("yes", 0o027, "given")
    assert forked["temporary"] == str(tmp_path) and not forked["reveil"]


@pytest.mark.parametrize(
    ("text", "status", "said"),
    [
        ("raise SystemExit", 0, ""),
        ("import sys; sys.exit(3)", 3, ""),
        ("import sys; sys.exit('no such thing')", 1, "no such thing\n"),
        ("import os; os._exit(7)", 7, ""),
        ("import os; os.abort()", -signal.SIGABRT, None),
        ("import os; os.kill(os.getpid(), 9)", -signal.SIGKILL, ""),
        ("import atexit; atexit.register(print, 'the end', flush=True)", 0, ""),
    ],
)
def test_the_client_ends_as_the_script_does(address, tmp_path, text, status, said):
    path = script(tmp_path, text)
    for where in (address, str(tmp_path / "no-server")):
        done = run(where, path)
        assert done.returncode == status
        assert said is None or done.stderr == said
        assert done.stdout == ("the end\n" if "atexit" in text else "")


def test_a_traceback_shows_the_script_alone(address, tmp_path):
    done = run(address, script(tmp_path, "def odd():\n    return 1 / 0\nodd()\n"))
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[-1] == "ZeroDivisionError: division by zero"
    assert "server.py" not in done.stderr and 'tmp123.attack_images.py", line 2' in done.stderr


def test_a_script_that_cannot_be_read_fails_with_its_name(address, tmp_path):
    broken = run(address, script(tmp_path, "1 +\n"))
    assert broken.returncode == 1 and "SyntaxError" in broken.stderr
    missing = run(address, str(tmp_path / "missing.py"))
    assert missing.returncode == 1 and "missing.py" in missing.stderr


def test_what_stops_a_job_reaches_the_script(address, tmp_path):
    text = """
        import signal, sys, time
        signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(143))
        print("ready", flush=True)
        while True:
            time.sleep(0.01)
    """
    job = start(address, script(tmp_path, text))
    assert job.stdout.readline() == b"ready\n"
    job.send_signal(signal.SIGTERM)
    assert job.wait(PATIENCE) == 143


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_what_a_whole_group_is_sent_reaches_the_script_once(address, tmp_path, number):
    text = f"""
        import os, signal, time
        heard = []
        signal.signal({int(number)}, lambda number, frame: heard.append(number))
        print(os.getpgid(0) == os.getpid() != os.getpgid(os.getppid()), flush=True)
        end = time.monotonic() + 60
        while not heard and time.monotonic() < end:
            time.sleep(0.01)
        time.sleep(0.3)
        print(heard)
    """
    words = command(address, script(tmp_path, text))
    job = subprocess.Popen(
        words, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True, process_group=0
    )
    assert job.stdout.readline() == "True\n"
    os.killpg(job.pid, number)
    assert job.communicate(timeout=PATIENCE)[0] == f"[{int(number)}]\n"
    assert job.returncode == 0


@pytest.mark.parametrize("number", client.PASSED_ON)
def test_what_comes_while_a_script_is_asked_for_is_passed_on(tmp_path, number):
    job, connection = asking(tmp_path, "")
    connection.sendall(server.ACCEPTED)
    assert connection.recv(1) == server.GO
    job.send_signal(number)
    time.sleep(0.1)
    connection.sendall(server.STARTED)
    assert connection.recv(1) == bytes([number])
    connection.sendall(server.STATUS.pack(0))
    assert job.wait(PATIENCE) == 0


@pytest.mark.parametrize("number", client.PASSED_ON)
def test_what_comes_while_no_script_is_to_be_had_reaches_the_command(tmp_path, number):
    job, connection = asking(tmp_path, "import time; time.sleep(600)")
    job.send_signal(number)
    connection.close()
    assert job.wait(PATIENCE) == -number


def test_a_script_ends_with_its_client(address, tmp_path):
    text = """
        import os, time
        print(os.getpid(), flush=True)
        time.sleep(600)
    """
    job = start(address, script(tmp_path, text))
    running = psutil.Process(int(job.stdout.readline()))
    job.kill()
    running.wait(PATIENCE)
    # And the server goes on.
    assert run(address, script(tmp_path, "print('here')")).stdout == "here\n"


def test_scripts_run_side_by_side(address, tmp_path):
    text = """
        import pathlib, time
        pathlib.Path("{mine}").touch()
        while not pathlib.Path("{other}").exists():
            time.sleep(0.01)
    """
    jobs = []
    for mine, other in (("a", "b"), ("b", "a")):
        folder = tmp_path / f"of-{mine}"
        folder.mkdir()
        names = {"mine": tmp_path / mine, "other": tmp_path / other}
        jobs.append(start(address, script(folder, text.format(**names))))
    assert [job.wait(PATIENCE) for job in jobs] == [0, 0]


def test_what_libraries_look_at_when_they_are_loaded_starts_afresh(address, tmp_path):
    path = script(tmp_path, f"import os; print(os.environ.get({PRELOADED!r}))")
    assert run(address, path).stdout == "1\n"
    for name in ("OMP_NUM_THREADS", "CUDA_VISIBLE_DEVICES", "PYTHONHASHSEED", "MPLBACKEND"):
        assert run(address, path, env={**ENVIRONMENT, name: "2"}).stdout == "None\n"


def test_what_is_no_script_of_this_interpreter_is_run_as_it_is(address):
    words = [sys.executable, "-IS", CLIENT, address]
    odd = subprocess.run([*words, "/bin/echo", "a b"], capture_output=True, text=True, check=True)
    assert odd.stdout == "a b\n"
    code = f"import os; print(os.environ.get({PRELOADED!r}))"
    own = subprocess.run(
        [*words, sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert own.stdout == "None\n"


def test_a_script_that_nobody_waits_for_any_more_is_never_run(address, tmp_path):
    marker = tmp_path / "ran"
    path = script(tmp_path, f"import pathlib; pathlib.Path({str(marker)!r}).touch()")
    request = json.dumps(
        {"script": path, "folder": str(tmp_path), "environment": ENVIRONMENT, "umask": 0o022}
    ).encode()
    with socket.socket(socket.AF_UNIX) as impatient:
        impatient.connect(address)
        socket.send_fds(impatient, [client.LENGTH.pack(len(request))], [0, 1, 2])
        impatient.sendall(request)
        assert impatient.recv(1) == client.ACCEPTED
    assert run(address, script(tmp_path, "print('next')")).stdout == "next\n"
    assert not marker.exists()


@pytest.mark.parametrize(
    "said",
    [b"", b"\0", client.LENGTH.pack(2**31), client.LENGTH.pack(3) + b"[1]", b"GET / HTTP/1.1\r\n"],
)
def test_a_request_that_is_none_does_no_harm(address, tmp_path, said):
    with socket.socket(socket.AF_UNIX) as odd:
        odd.connect(address)
        if said:
            socket.send_fds(odd, [said], [0, 1, 2])
    assert run(address, script(tmp_path, "print('next')")).stdout == "next\n"


def test_a_server_without_memory_leaves_the_script_to_its_client(tmp_path, monkeypatch):
    def refused() -> int:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(os, "fork", refused)
    path = str(tmp_path / "jobs")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        listening.listen()
        serving = server.Server(listening, os.getppid())
        monkeypatch.setattr(server, "looked_at", lambda environment: {})
        job = subprocess.Popen(
            command(path, script(tmp_path, f"import os; print(os.environ.get({PRELOADED!r}))")),
            stdout=subprocess.PIPE,
        )
        assert serving._accept() is None
        assert job.communicate(timeout=PATIENCE)[0] == b"None\n"
    assert serving.clients == {}


def test_two_scripts_without_a_seed_draw_different_numbers(address, tmp_path):
    text = """
        import random, uuid
        import numpy as np
        print(random.random(), np.random.random(), uuid.uuid4())
    """
    path = script(tmp_path, text)
    first, second = (run(address, path).stdout.split() for _ in range(2))
    assert all(one != other for one, other in zip(first, second, strict=True))


ENGINE = """
    import subprocess, sys, time
    from pathlib import Path
    from reveil.preload import starting

    prefix = starting.start()
    address = Path(prefix.split()[-1])
    while not address.exists():
        time.sleep(0.02)
    job = subprocess.Popen(
        ["bash", "-c", f"{prefix} {sys.executable} {sys.argv[1]}"],
        env={**__import__("os").environ, **starting.ONE_THREAD},
    )
    print(address, flush=True)
    sys.stdin.read()
    if sys.argv[2] == "in order":
        job.terminate()
        job.wait()
"""


@pytest.mark.parametrize("how", ["in order", "killed"])
def test_nothing_is_left_when_snakemake_is_gone(tmp_path, how):
    engine_file = tmp_path / "engine.py"
    engine_file.write_text(textwrap.dedent(ENGINE))
    marker = tmp_path / "pid"
    text = f"""
        import os, pathlib, time
        pathlib.Path({str(marker)!r}).write_text(str(os.getpid()))
        time.sleep(600)
    """
    words = [sys.executable, str(engine_file), script(tmp_path, text), how]
    engine = subprocess.Popen(
        words,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**ENVIRONMENT, "PYTHONPATH": str(starting.HERE.parent.parent)},
    )
    address = Path(engine.stdout.readline().decode().strip())
    wait_for(lambda: marker.exists() and marker.read_text())
    below = psutil.Process(engine.pid).children(recursive=True)
    assert int(marker.read_text()) in [process.pid for process in below]
    # The server is no job: a supervisor must not take Snakemake for busy because of it.
    assert len(processes.children(engine.pid)) == len(below) - 1
    if how == "killed":
        engine.kill()
    engine.stdin.close()
    engine.wait(PATIENCE)
    _, alive = psutil.wait_procs(below, timeout=PATIENCE)
    assert not alive
    assert not address.parent.exists()


def test_both_sides_speak_the_same_language():
    for name in ("ACCEPTED", "GO", "STARTED"):
        assert getattr(client, name) == getattr(server, name)
    assert client.LENGTH.format == server.LENGTH.format
    assert client.STATUS.format == server.STATUS.format
    assert server.PRELOADED == PRELOADED


def test_elsewhere_than_on_linux_nothing_is_started_and_commands_stay_as_they_are(monkeypatch):
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(sys, "platform", "darwin")
        elsewhere.setattr(subprocess, "Popen", None)
        prefix = starting.start()
    for line, expected in (("false; echo not reached", (1, "")), ("echo here", (0, "here\n"))):
        words = ["bash", "-c", f"{prefix} {line}"]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == expected


def test_a_server_that_ends_while_it_loads_leaves_no_folder(tmp_path):
    address = tmp_path / "made" / "jobs"
    address.parent.mkdir()
    loading = subprocess.Popen([sys.executable, str(starting.SERVER), str(address)])
    # Its group is its own before it loads, which takes seconds.
    wait_for(lambda: os.getpgid(loading.pid) == loading.pid)
    loading.terminate()
    assert loading.wait(PATIENCE) == 0
    assert not address.parent.exists()


def test_a_library_that_catches_everything_does_not_keep_the_server(tmp_path):
    address, loads = tmp_path / "made" / "jobs", tmp_path / "loads"
    address.parent.mkdir()
    (tmp_path / "numpy.py").write_text(f"""
import time
open({str(loads)!r}, "w").close()
try:
    time.sleep({PATIENCE})
except BaseException:
    raise ImportError from None
""")
    words = [sys.executable, str(starting.SERVER), str(address)]
    loading = subprocess.Popen(words, env={**ENVIRONMENT, "PYTHONPATH": str(tmp_path)})
    wait_for(loads.exists)
    loading.terminate()
    assert loading.wait(PATIENCE / 2) == 0
    assert not address.parent.exists()


def test_no_run_waits_for_a_server_that_does_not_end(tmp_path):
    deaf = script(
        tmp_path,
        """
        import signal, sys
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        open(sys.argv[1], "w").close()
        signal.pause()
        """,
    )
    code = f"""
from reveil.preload import starting
starting.SECONDS = 0.1
starting.SERVER = {deaf!r}
words = starting.start()
address = words.rpartition(" ")[2]
while not starting.Path(address).exists():
    pass
print(address)
"""
    how = {"env": WITH_REVEIL, "capture_output": True, "text": True, "timeout": PATIENCE}
    done = subprocess.run([sys.executable, "-c", code], check=True, **how)
    assert not Path(done.stdout.strip()).parent.exists()


def test_a_signal_that_comes_before_the_script_has_its_own_ends_it(tmp_path):
    path, ran = script(tmp_path, "open('ran', 'w').close()"), tmp_path / "ran"
    code = f"""
import ctypes, os, signal, sys
from reveil.preload import server
for number in server.HANDLED:
    signal.signal(number, lambda number, frame: None)
if (pid := server.fork()) == 0:
    if sys.argv[1]:
        os.kill(os.getpid(), signal.SIGTERM)
    streams = tuple(os.dup(n) for n in range(3))
    server.run(server.Request({path!r}, {str(tmp_path)!r}, {{}}, 0, streams), ctypes.CDLL(None))
    os._exit(0)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""
    how = {"env": WITH_REVEIL, "capture_output": True, "text": True, "timeout": PATIENCE}
    for first, status in (("", 0), ("first", -signal.SIGTERM)):
        done = subprocess.run([sys.executable, "-c", code, first], check=True, **how)
        assert int(done.stdout) == status
        assert ran.exists() is not bool(first)
        ran.unlink(missing_ok=True)


def test_libraries_with_threads_are_told_of_and_nothing_is_forked(tmp_path):
    address = tmp_path / "made" / "jobs"
    address.parent.mkdir()
    code = f"""
import runpy, sys, threading
threading.Thread(target=threading.Event().wait, daemon=True).start()
sys.argv = ["server.py", {str(address)!r}]
runpy.run_path({str(starting.SERVER)!r}, run_name="__main__")
"""
    how = {"env": ENVIRONMENT, "capture_output": True, "text": True, "check": False}
    done = subprocess.run([sys.executable, "-c", code], **how)
    assert done.returncode == 1
    assert done.stderr == (
        "compute.preload: a library has started threads here (1), so that no job can be forked; "
        "all load their own libraries\n"
    )
    assert not address.parent.exists()


def test_every_library_is_one_that_can_be_loaded(address, tmp_path):
    text = f"import sys; print([n for n in {server.LIBRARIES!r} if n not in sys.modules])"
    assert run(address, script(tmp_path, text)).stdout == "[]\n"
