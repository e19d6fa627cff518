"""The daemons of a SLURM of two nodes in one folder, without root and without systemd.

Order matters: munged, MariaDB, slurmdbd, the account, slurmctld, one slurmd per node. All of them,
and the jobs they start, carry :data:`MARK` in their environment, by which the keeper finds them.
"""

import getpass
import os
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from string import Template

import psutil

HERE = Path(__file__).resolve().parent
MARK = "REVEIL_TEST_SLURM"
NODES = ("node1", "node2")
ACCOUNT = "lab"
# Debian's packages; each is there if its command is.
PACKAGES = {
    "munged": "munge",
    "slurmctld": "slurmctld",
    "slurmd": "slurmd",
    "sbatch": "slurm-client",
    "slurmdbd": "slurmdbd",
    "mariadbd": "mariadb-server",
}
# An ordinary user's PATH lacks where Debian puts daemons.
SEARCHED = os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin"
COMMANDS = ("sacct", "sacctmgr", "sbatch", "scancel", "scontrol", "sinfo", "squeue", "srun")


def missing() -> list[str]:
    """Return the packages that are not installed here."""
    return [p for command, p in PACKAGES.items() if shutil.which(command, path=SEARCHED) is None]


def wait_until(what: str, condition: Callable[[], object], seconds: float = 180) -> object:
    """Return the first true value of ``condition()``, asked five times a second.

    Raises:
        AssertionError: it was not true within ``seconds``.
    """
    end = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds:.0f} s in vain for {what}")
        time.sleep(0.2)
    return value


class Daemons:
    """Starts and kills the daemons of one cluster; ``folder`` holds all that they write."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.running: dict[str, subprocess.Popen] = {}
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("SLURM_", "SBATCH_"))}
        self.environment = {
            **kept,
            MARK: str(folder),
            "SLURM_CONF": str(folder / "slurm.conf"),
            "PATH": f"{folder / 'bin'}:{SEARCHED}",
        }

    def start(self) -> None:
        """Write the configuration and start all daemons.

        Raises:
            AssertionError: one of them does not come up; the message holds the ends of the logs.
        """
        try:
            self._configure()
            self._start_munge()
            self._start_database()
            self.launch("slurmctld")
            for node in NODES:
                self.launch(f"slurmd.{node}")
            self.wait_for_nodes()
        except (AssertionError, OSError, subprocess.CalledProcessError) as error:
            raise AssertionError(f"SLURM did not start: {error}\n{self.logs()}") from error

    def launch(self, name: str) -> None:
        """Start one daemon, unless it runs, in its foreground mode."""
        if name in self.running and self.running[name].poll() is None:
            return
        with (self.folder / "log" / f"{name}.out").open("a") as said:
            self.running[name] = subprocess.Popen(
                self._commands()[name],
                env=self.environment,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                start_new_session=True,
            )
        if name == "slurmctld":
            wait_until("slurmctld", lambda: "is UP" in self.call("scontrol", "ping", check=False))

    def kill(self, name: str) -> None:
        """SIGKILL one daemon and nothing else: the jobs of a slurmd go on."""
        self.running[name].kill()
        self.running[name].wait()

    def call(self, *words: str, check: bool = True) -> str:
        """Run one of SLURM's commands against this cluster and return what it printed."""
        done = subprocess.run(words, env=self.environment, capture_output=True, text=True)
        if check and done.returncode:
            raise AssertionError(f"{' '.join(words)} failed: {done.stdout}{done.stderr}")
        return done.stdout

    def wait_for_nodes(self) -> None:
        """Wait until every node answers."""

        def all_up() -> bool:
            lines = self.call("sinfo", "-h", "-N", "-o", "%N %t", check=False).splitlines()
            states = dict(line.split() for line in lines)
            # A star marks a node that does not answer.
            up = [s for s in states.values() if s in ("idle", "mix", "alloc", "comp")]
            return len(up) == len(NODES)

        wait_until("the nodes", all_up)

    def logs(self, lines: int = 15) -> str:
        """Return the ends of all logs."""
        parts = []
        for file in sorted((self.folder / "log").glob("*")):
            text = file.read_text(errors="replace").splitlines()[-lines:]
            parts += [f"--- {file.name}", *text]
        return "\n".join(parts)

    def _commands(self) -> dict[str, list[str]]:
        f = self.folder
        munge = [f"--key-file={f}/munge.key", f"--socket={f}/munge.socket"]
        munge += [f"--pid-file={f}/munged.pid", f"--seed-file={f}/munged.seed"]
        return {
            "munged": [
                "munged",
                "--foreground",
                "--force",
                *munge,
                f"--log-file={f}/log/munged.log",
            ],
            "mariadbd": [
                *("mariadbd", "--no-defaults", f"--user={getpass.getuser()}"),
                *(f"--datadir={f}/database", f"--socket={f}/database.socket"),
                *(f"--pid-file={f}/mariadbd.pid", "--bind-address=127.0.0.1"),
                *(f"--port={self.ports['database_port']}", "--innodb-buffer-pool-size=64M"),
                *("--innodb-log-file-size=8M", "--innodb-flush-log-at-trx-commit=0"),
            ],
            "slurmdbd": ["slurmdbd", "-D"],
            "slurmctld": ["slurmctld", "-D"],
            **{f"slurmd.{node}": ["slurmd", "-D", "-N", node] for node in NODES},
        }

    def _configure(self) -> None:
        for name in ("log", "state", "bin", *(f"spool/{node}" for node in NODES)):
            (self.folder / name).mkdir(parents=True)
        host = socket.gethostname().split(".")[0]
        self.ports = free_ports(
            *("controller_port", "database_daemon_port", "database_port"),
            *(f"{node}_port" for node in NODES),
        )
        self.password = secrets.token_hex(12)
        values = {
            **self.ports,
            "folder": self.folder,
            "host": host,
            "user": getpass.getuser(),
            "password": self.password,
            "loopback": _loopback_option(host),
        }
        for name in ("slurm.conf", "slurmdbd.conf"):
            text = Template((HERE / name).read_text()).substitute(values)
            (self.folder / name).touch(mode=0o600)
            (self.folder / name).write_text(text)
        # A GPU has to be a device; jobs get the number in its name as CUDA_VISIBLE_DEVICES.
        (self.folder / "gpu0").symlink_to("/dev/null")
        gpus = [f"NodeName={node} Name=gpu Type=fake File={self.folder}/gpu0\n" for node in NODES]
        (self.folder / "gres.conf").write_text("".join(gpus))
        # Inside a job the executor drops SLURM_CONF, but the PATH is inherited.
        for command in COMMANDS:
            program = shutil.which(command, path=SEARCHED)
            wrapper = self.folder / "bin" / command
            wrapper.write_text(
                f'#!/bin/sh\nSLURM_CONF={self.folder}/slurm.conf exec {program} "$@"\n'
            )
            wrapper.chmod(0o755)

    def _start_munge(self) -> None:
        key = self.folder / "munge.key"
        key.touch(mode=0o600)
        key.write_bytes(secrets.token_bytes(128))
        self.launch("munged")
        seal = ["munge", "-n", f"--socket={self.folder}/munge.socket"]
        wait_until("munged", lambda: self.call(*seal, check=False))

    def _start_database(self) -> None:
        install = ["mariadb-install-db", "--no-defaults", f"--user={getpass.getuser()}"]
        install += [f"--datadir={self.folder}/database", "--skip-test-db"]
        install += ["--auth-root-authentication-method=normal", "--innodb-log-file-size=8M"]
        self.call(*install)
        self.launch("mariadbd")
        sql = ["mariadb", "--no-defaults", f"--socket={self.folder}/database.socket", "-u", "root"]
        wait_until("MariaDB", lambda: self.call(*sql, "-e", "select 1", check=False))
        owner = "'slurm'@'127.0.0.1'"
        self.call(
            *(*sql, "-e"),
            f"create database slurm_acct_db; create user {owner} identified by '{self.password}';"
            f"grant all on slurm_acct_db.* to {owner};"
            f"create user 'slurm'@'localhost' identified by '{self.password}';"
            "grant all on slurm_acct_db.* to 'slurm'@'localhost';",
        )
        self.launch("slurmdbd")
        asked = ("sacctmgr", "-n", "show", "cluster")
        wait_until("slurmdbd", lambda: _succeeds(asked, self.environment))
        self.call("sacctmgr", "-i", "add", "cluster", "tests")
        self.call("sacctmgr", "-i", "add", "account", ACCOUNT, "Cluster=tests")
        user = ("user", getpass.getuser(), f"DefaultAccount={ACCOUNT}", "Cluster=tests")
        self.call("sacctmgr", "-i", "add", *user)


def free_ports(*names: str) -> dict[str, int]:
    """Return a port for each name that nobody listens on now.

    They lie below those that the system gives to outgoing connections.
    """
    chosen = {}
    while len(chosen) < len(names):
        port = 20000 + secrets.randbelow(12000)
        with socket.socket() as tried:
            try:
                tried.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in chosen.values():
            chosen[names[len(chosen)]] = port
    return chosen


def members(folder: Path) -> list[psutil.Process]:
    """Return all processes of a cluster: daemons, jobs, and who submits to it."""
    return [process for process in psutil.process_iter() if _belongs(process, folder)]


def _belongs(process: psutil.Process, folder: Path) -> bool:
    try:
        if process.environ().get(MARK) == str(folder):
            return True
        # Its title lies where its environment was; it listens on a socket of its node.
        if process.name() != "slurmstepd":
            return False
        sockets = process.net_connections(kind="unix")
        return any(str(one.laddr).startswith(f"{folder}/") for one in sockets)
    except psutil.Error:
        return False


def _loopback_option(host: str) -> str:
    """Return the option to listen on loopback only, where the name of the host means that.

    Elsewhere it would bind the wrong address; munge's private key is the guard there.
    """
    try:
        found = {address[4][0] for address in socket.getaddrinfo(host, None, socket.AF_INET)}
    except socket.gaierror:
        return ""
    local = all(address.startswith("127.") for address in found)
    return "CommunicationParameters=NoCtldInAddrAny,NoInAddrAny" if local else ""


def _succeeds(words: tuple[str, ...], environment: dict[str, str]) -> bool:
    return subprocess.run(words, env=environment, capture_output=True).returncode == 0
