# SPDX-License-Identifier: GPL-2.0
"""top: what it shows of each relationship, on a terminal and elsewhere, and how it ends."""
import json
import os
import pty
import select
import signal
import subprocess
import termios

import pytest

from test_output import be

LATE = 61500000
UNKNOWN = 2 ** 64 - 1


def test_once_is_plain(ctl):
    r = ctl("top", "--once")
    assert (r.returncode, r.stderr) == (0, "")
    assert "\033" not in r.stdout and "\r" not in r.stdout
    lines = r.stdout.splitlines()
    assert lines[0].split() == ["RELATIONSHIP", "MODE", "COPYSTATE", "OBJECTIVE", "AGE", "BACKLOG", "RATE", "LAST-AGES"]
    # What is synchronous has no objective; its rate is not known from one look.
    assert lines[1].split() == ["r1", "sync", "Synchronized", "0", "0B", "▁"]
    assert lines[2].split("  ")[0].startswith("r2")
    assert "async (now sync) Unsynchronized [!!!!!!!!!!!!!!!!] 1min 1s of 30s, exceeded" in " ".join(lines[2].split())
    assert lines[2].split()[-3:] == ["1G", "100M/s", "█"]
    assert len(lines) == 3
    assert len(ctl("top", "--once", "--no-legend").stdout.splitlines()) == 2


@pytest.mark.parametrize("age, bar, height", (
    (0, "................", "▁"),
    (15000000, "########........", "▅"),
    (30000000, "################", "█"),
    (30100000, "!!!!!!!!!!!!!!!!", "█"),
))
def test_bar_is_of_the_objective(ctl, age, bar, height):
    be(ctl, "r1", ("RecoveryPointObjective", "u", "30"), ("RecoveryPointAge", "t", str(age)), ("RpoState", "s", "met"))
    line = ctl("top", "--once").stdout.splitlines()[1]
    assert f"[{bar}]" in line and line.split()[-1] == height


def test_what_has_no_recovery_point(ctl):
    be(ctl, "r1", ("RecoveryPointObjective", "u", "30"), ("RecoveryPointAge", "t", str(UNKNOWN)), ("RpoState", "s", "unknown"))
    line = ctl("top", "--once").stdout.splitlines()[1]
    assert "[" not in line and "none of 30s, unknown" in line and "▁" not in line


def test_without_utf8(ctl):
    ctl.env["LC_ALL"] = "C"
    assert ctl("top", "--once").stdout.isascii()


def test_json(ctl):
    rows = json.loads(ctl("top", "--once", "--json=short").stdout)
    assert [row["Name"] for row in rows] == ["r1", "r2"]
    assert (rows[1]["Mode"], rows[1]["RpoState"], rows[1]["Ages"], rows[1]["Rate"]) == ("Asynchronous", "exceeded", [LATE], 100 << 20)
    assert "Rate" not in rows[0] and "Bar" not in rows[0]


def test_rate_and_ages_are_of_what_was_seen(ctl):
    with ctl.start("top", "--json=short") as top:
        first = json.loads(top.stdout.readline())
        be(ctl, "r1", ("BytesMirrored", "t", str(10 << 20)), ("RecoveryPointAge", "t", "5000000"))
        rows = json.loads(top.stdout.readline())
        assert "Rate" not in first[0] and rows[0]["Ages"] == [0, 5000000]
        assert 2 << 20 < rows[0]["Rate"] < 12 << 20
        # The count began anew.
        be(ctl, "r1", ("BytesMirrored", "t", "0"))
        assert "Rate" not in json.loads(top.stdout.readline())[0]
        top.send_signal(signal.SIGINT)
        assert top.wait(10) == 0


def test_tables_follow_each_other_without_a_terminal(ctl):
    with ctl.start("top") as top:
        lines = [top.stdout.readline() for _ in range(7)]
        assert lines[0].startswith("RELATIONSHIP") and lines[3] == "\n" and lines[4] == lines[0]
        assert "\033" not in "".join(lines)
        os.kill(ctl.daemon_pid, signal.SIGKILL)
        assert top.wait(10) == 1
        assert "blkrepld" in top.stderr.read()


def read_until(fd, word):
    text = b""
    while word not in text:
        assert select.select([fd], [], [], 10)[0], text
        text += os.read(fd, 4096)
    return text


@pytest.mark.parametrize("end", (b"q", b"\x03", signal.SIGTERM))
def test_on_a_terminal(ctl, end):
    """Keys end it, and the terminal is as it was."""
    ours, theirs = pty.openpty()
    before = termios.tcgetattr(theirs)
    command = ["setsid", "--ctty", ctl.program, "top"]
    with subprocess.Popen(command, env=dict(ctl.env, TERM="xterm"), stdin=theirs, stdout=theirs, stderr=theirs) as p:
        text = read_until(ours, b"r2")
        assert b"\033[?25l" in text and b"\033[H\033[J" in text and b"q ends it" in text
        assert not termios.tcgetattr(theirs)[3] & (termios.ICANON | termios.ECHO)
        os.write(ours, b"x")
        read_until(ours, b"r2")
        assert p.poll() is None
        if isinstance(end, bytes):
            os.write(ours, end)
        else:
            p.send_signal(end)
        assert p.wait(10) == 0
        assert b"\033[?25h" in read_until(ours, b"\033[?25h")
    assert termios.tcgetattr(theirs) == before
    os.close(ours)
    os.close(theirs)


def test_rows_that_do_not_fit_are_counted(ctl):
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (5, 200))
    with subprocess.Popen([ctl.program, "top"], env=dict(ctl.env, TERM="xterm"), stdin=theirs, stdout=theirs, stderr=theirs) as p:
        text = read_until(ours, b"more")
        assert b"and 1 more" in text and b"r2" not in text
        p.terminate()
        assert p.wait(10) == 0
    os.close(ours)
    os.close(theirs)
