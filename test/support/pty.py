"""Runs a program in a terminal of its own (a pseudo terminal), for tests.

Commands come as lines of JSON on standard input, reports go as lines of JSON to standard output:

    {"send": "text"}      types the text                          (no report)
    {"signal": 15}        sends a signal to the program           (no report)
    {"hangup": true}      takes the terminal away                 (no report)
    {"modes": true}       asks how the terminal is set            {"modes": {"canonical": true, "echo": true}}
                          what the program writes                 {"output": "text"}
                          it was stopped                          {"stopped": 19}
                          it ended; the terminal as it left it    {"ended": {"code": 0, "signal": null}, "modes": {...}}
                          (null, if it was taken away)
"""

import fcntl
import json
import os
import select
import signal
import sys
import termios


def modes(terminal):
    flags = termios.tcgetattr(terminal)[3]
    return {"canonical": bool(flags & termios.ICANON), "echo": bool(flags & termios.ECHO)}


def report(what):
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def main():
    master, terminal = os.openpty()
    child = os.fork()
    if child == 0:
        os.close(master)
        take_terminal(terminal)
        os.execvp(sys.argv[1], sys.argv[1:])
    # A change of the child's state interrupts the wait below.
    wake_out, wake_in = os.pipe()
    os.set_blocking(wake_in, False)
    signal.set_wakeup_fd(wake_in)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    commands = b""
    sources = [master, 0, wake_out]
    while True:
        ready, _, _ = select.select(sources, [], [])
        if master in ready:
            drain(master)
        if 0 in ready:
            data = os.read(0, 65536)
            if not data:
                os.kill(child, signal.SIGKILL)
                sources.remove(0)
            commands += data
            while b"\n" in commands:
                line, commands = commands.split(b"\n", 1)
                command = json.loads(line)
                if "hangup" in command:
                    sources.remove(master)
                    os.close(terminal)
                    os.close(master)
                    master = None
                else:
                    obey(command, master, terminal, child)
        if wake_out in ready:
            os.read(wake_out, 1024)
            pid, status = os.waitpid(child, os.WNOHANG | os.WUNTRACED)
            if pid == 0:
                continue
            while master is not None and select.select([master], [], [], 0)[0]:
                drain(master)
            if os.WIFSTOPPED(status):
                report({"stopped": os.WSTOPSIG(status)})
                continue
            ended_by = os.WTERMSIG(status) if os.WIFSIGNALED(status) else None
            code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else None
            report({"ended": {"code": code, "signal": ended_by}, "modes": modes(terminal) if master is not None else None})
            return


def take_terminal(terminal):


    os.setsid()
    fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
    for descriptor in range(3):
        os.dup2(terminal, descriptor)


def drain(master):
    report({"output": os.read(master, 65536).decode("utf-8", "replace")})


def obey(command, master, terminal, child):
    if "send" in command:
        os.write(master, command["send"].encode())
    if "signal" in command:
        os.kill(child, command["signal"])
    if "modes" in command:
        report({"modes": modes(terminal)})


main()
