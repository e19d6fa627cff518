"""Have a script run by a fork of the server, or run the command as it is.

    python -IS client.py ADDRESS /path/to/python script.py

Stands before the command of a job. The script has this process's streams, folder, environment and
umask; signals are passed on to it, and this process ends as it ends. Where no fork is to be had
(no server, one with other settings of threads or devices, another interpreter, more than a script)
this process becomes the command. Nothing but the standard library is loaded.
"""

import array
import contextlib
import json
import os
import signal
import socket
import struct
import sys

# The script is in a group of its own: what a whole group is sent reaches it once, from here.
PASSED_ON = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP)
PASSED_ON += (signal.SIGUSR1, signal.SIGUSR2)
# The server answers within a second unless it is loading or gone.
SECONDS = 5.0
ACCEPTED, GO, STARTED = b"+", b"!", b"s"
LENGTH = struct.Struct("!I")
STATUS = struct.Struct("!i")


def asked(address: str, script: str) -> socket.socket | None:
    """Return the connection to a server that runs the script, or None."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(SECONDS)
    umask = os.umask(0)
    os.umask(umask)
    request = json.dumps(
        {"script": script, "folder": os.getcwd(), "environment": dict(os.environ), "umask": umask}
    ).encode("utf-8", "surrogateescape")
    streams = array.array("i", [0, 1, 2])
    try:
        connection.connect(address)
        head = [LENGTH.pack(len(request))]
        connection.sendmsg(head, [(socket.SOL_SOCKET, socket.SCM_RIGHTS, streams)])
        connection.sendall(request)
        if connection.recv(1) == ACCEPTED:
            # Only now is the script started: one that was waited for too long never is.
            connection.sendall(GO)
            connection.settimeout(None)
            if connection.recv(1) == STARTED:
                return connection
    except OSError:
        pass
    connection.close()
    return None


def follow(connection: socket.socket) -> int:
    """Pass signals on until the script has ended; return its status as ``os.wait`` has it.

    Raises:
        ConnectionError: the server is gone, and the script with it.
    """

    def pass_on(number: int, frame: object) -> None:
        # Of a server that is gone the next word read tells.
        with contextlib.suppress(OSError):
            connection.send(bytes([number]))

    for number in PASSED_ON:
        signal.signal(number, pass_on)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, PASSED_ON)
    said = b""
    while len(said) < STATUS.size:
        piece = connection.recv(STATUS.size - len(said))
        if not piece:
            raise ConnectionError("the process that jobs are forked from is gone")
        said += piece
    return int(STATUS.unpack(said)[0])


def end_as(status: int) -> None:
    """End this process with the exit code or by the signal that ended the script."""
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        if -code != signal.SIGKILL:
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code if code >= 0 else 128 - code)


def main() -> None:
    """Hand the command on, or become it."""
    address, *command = sys.argv[1:]
    connection = None
    if len(command) == 2 and command[0] == sys.executable:
        # What comes before it can be passed on waits until then.
        signal.pthread_sigmask(signal.SIG_BLOCK, PASSED_ON)
        connection = asked(address, command[1])
    if connection is None:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, PASSED_ON)
        os.execv(command[0], command)
    try:
        end_as(follow(connection))
    except ConnectionError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
