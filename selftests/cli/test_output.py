# SPDX-License-Identifier: GPL-2.0
"""Tables, property sheets, JSON and the lines of monitor."""
import json
import os
import pathlib
import pty
import signal
import subprocess

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
OPERATIONS = 22
LISTS = ("relationship", "group", "pair", "volume", "pool", "peer", "job")


def test_list(ctl):
    r = ctl("relationship", "list")
    assert r.returncode == 0
    lines = r.stdout.splitlines()
    assert lines[0].split() == ["NAME", "SOURCE", "TARGET", "MODE", "COPYSTATE", "CONSISTENCY", "SYNCED", "BACKLOG"]
    assert lines[1].split() == ["r1", "g1", "g1-copy", "Synchronous", "Synchronized", "Consistent", "100.0%", "0B"]
    assert lines[2].split()[-2:] == ["42.5%", "1G"]
    assert len(lines) == 3


def test_no_legend_leaves_rows_only(ctl):
    r = ctl("pool", "list", "--no-legend")
    assert r.stdout.split() == ["vg1", "8G", "3G", "2"]


@pytest.mark.parametrize("noun", LISTS)
@pytest.mark.parametrize("style", ("short", "pretty"))
def test_lists_are_json(ctl, noun, style):
    r = ctl(noun, "list", f"--json={style}")
    assert r.returncode == 0
    rows = json.loads(r.stdout)
    assert isinstance(rows, list)
    assert len(rows) == {"relationship": 2, "group": 5, "peer": 0}.get(noun, 1)
    assert all(row["Path"].startswith(f"/org/blkrepl1/{noun}/") for row in rows)
    assert (len(r.stdout.splitlines()) == 1) == (style == "short")


def test_empty_list_says_so(ctl):
    r = ctl("peer", "list")
    assert (r.returncode, r.stdout, r.stderr) == (0, "", "There are no peers.\n")


def test_show_is_the_properties(ctl):
    r = ctl("relationship", "show", "r1", "r2", "--json=short")
    shown = json.loads(r.stdout)
    assert [o["Name"] for o in shown] == ["r1", "r2"]
    assert shown[0]["BytesTotal"] == 2 << 30
    assert shown[0]["LegalOperations"] == ["deactivate", "suspend", "detach!"]

    sheet = ctl("relationship", "show", "r1").stdout
    lines = dict(map(str.strip, line.split(":", 1)) for line in sheet.splitlines())
    assert lines["BytesTotal"] == "2G"
    assert lines["LegTimeoutUSec"] == "5s"
    assert lines["RateLimit"] == "none"
    assert lines["WhenSynced"] == "never"
    assert lines["Connected"] == "no"
    assert lines["PercentSynced"] == "100.0%"


def test_show_has_the_objective(ctl):
    sheet = ctl("relationship", "show", "r2").stdout
    lines = dict(map(str.strip, line.split(":", 1)) for line in sheet.splitlines())
    assert (lines["RpoViolatedUSec"], lines["RpoViolations"], lines["RpoWorstAge"]) == ("1min 30s", "2", "1min 1s")
    shown = json.loads(ctl("relationship", "show", "r2", "--json=short").stdout)
    assert shown[0]["RpoFigures"] == [[60, 60, 100, 200, 300, 400]]


def test_status_tree(ctl):
    r = ctl("status")
    assert r.returncode == 0
    lines = r.stdout.splitlines()
    assert lines[0].split()[:2] == ["RELATIONSHIP", "COPYSTATE"]
    assert lines[0].split()[-4:] == ["SOURCE", "ACCESS", "TARGET", "ACCESS"]
    assert lines[1].split()[:2] == ["r1", "Synchronized"]
    assert lines[1].split()[-4:] == ["g1", "rw", "g1-copy", "ro"]
    assert "data" in lines[2] and "/dev/vg1/g1-data" in lines[2] and "leg up" in lines[2]
    assert lines[3].split()[-5:] == ["g", "2", "none", "g2-copy", "rw"]
    assert "Job 7 (create r2) is copying: 42.5%  1G of 2G  100M/s  11s left" in lines
    assert "r1 is" not in r.stdout
    assert "modprobe" not in r.stdout


def test_status_says_what_needs_attention(ctl):
    lines = ctl("status").stdout.splitlines()
    begin = lines.index("r2 is Unsynchronized, Failing back: its changes are copied back")
    assert lines[begin + 1:begin + 5] == ["  access: source g 2 none, target g2-copy read-write",
                                          "  copied: 1G of 2G  100M/s  11s left",
                                          "  age of the recovery point: 1min 1s of 30s, exceeded; "
                                          "1G behind in 12 writes, it catches up in 11s",
                                          "  what it can be given: abort, detach --force"]
    # A side that is down because the other one serves is no trouble of its own.
    assert [line for line in lines if line.startswith("Group ")] == [
        "Group g4 is down: Stopped on request.", "Group g2-copy is failed: no log volume"]


def test_status_tells_the_mode_and_the_age(ctl):
    lines = ctl("status").stdout.splitlines()
    mode, age, end = (lines[0].index(heading) for heading in ("MODE", "AGE", "SYNCED"))
    shown = {line.split()[0]: (line[mode:age].strip(), line[age:end].strip()) for line in lines[1:4]}
    assert shown["r1"] == ("sync", "0")
    assert shown["r2"] == ("async (now sync)", "1min 1s of 30s, exceeded")


def be(ctl, name, *properties):
    """The stand-in is to have them, each as key, type and value."""
    subprocess.run(["busctl", "--system", "call", "org.blkrepl1", f"/org/blkrepl1/relationship/{name}",
                    "org.blkrepl1.Relationship", "Set", "a{sv}", str(len(properties)), *sum(properties, ())],
                   env=ctl.env, check=True, stdout=subprocess.DEVNULL)


def test_an_objective_that_is_missed_needs_attention(ctl):
    """Also of what is Synchronized."""
    be(ctl, "r1", ("RecoveryPointObjective", "u", "30"), ("RpoState", "s", "met"))
    assert "r1 is" not in ctl("status").stdout
    be(ctl, "r1", ("RecoveryPointAge", "t", "25400000"), ("RpoState", "s", "at-risk"), ("BacklogBytes", "t", "4096"),
       ("EstimatedCatchUp", "t", str(2 ** 64 - 1)))
    lines = ctl("status", "r1").stdout.splitlines()
    begin = lines.index("r1 is Synchronized: the copy is complete")
    assert lines[begin + 2] == "  age of the recovery point: 25s of 30s, at-risk; 4K behind, it does not catch up"


def test_status_of_one_and_json(ctl):
    assert "r2" not in ctl("status", "r1").stdout
    one = json.loads(ctl("status", "r1", "--json=short").stdout)
    assert [o["Name"] for o in one] == ["r1"]
    assert json.loads(ctl("status", "r2", "--json=short").stdout)[0]["RpoState"] == "exceeded"
    everything = json.loads(ctl("status", "--json=pretty").stdout)
    assert {"Groups", "Relationships", "Pairs", "Volumes", "Pools", "Peers", "Jobs"} <= set(everything)


def test_operations_table_without_daemon(daemonless):
    r = daemonless("operations", "mirror")
    assert r.returncode == 0
    lines = r.stdout.splitlines()
    assert lines[0] == "Mirror (6)"
    assert lines[1].split()[:4] == ["NR", "OPERATION", "2", "Init"]
    table = lines[2:2 + OPERATIONS]
    assert {int(line.split()[0]) for line in table} == set(range(2, 2 + OPERATIONS))
    assert "del: the relationship is removed" in lines
    assert daemonless("operations", "6").stdout == r.stdout
    assert "§:" not in daemonless("operations", "6", "--no-legend").stdout

    rows = json.loads(daemonless("operations", "mirror", "--json=short").stdout)
    cells = {row["Operation"]: row for row in rows}
    assert len(cells) == len(rows) == OPERATIONS
    assert cells["suspend"]["Synchronized"] == "9" and cells["suspend"]["CarriedOut"] is True
    assert cells["activate"]["Initialized"] == "3▸4" and cells["activate"]["Broken"] == "–"
    assert cells["detach"]["Unsynchronized"] == "del F"
    assert cells["failover"]["Unsynchronized"] == "– *"


def test_operations_of_all_types(daemonless):
    text = daemonless("operations").stdout
    assert [h in text for h in ("Mirror (6)", "Snapshot (7)", "Clone (8)")] == [True] * 3
    rows = json.loads(daemonless("operations", "--json=short").stdout)
    assert len(rows) == 3 * OPERATIONS
    assert not any(row["CarriedOut"] for row in rows if row["SyncType"] != "Mirror")


def test_operations_are_those_of_the_documentation(daemonless):
    """The same cells, which the documentation has by title and number."""
    text = (TOP / "docs" / "operations.md").read_text(encoding="utf-8")
    for heading, sync_type in (("Mirror", "mirror"), ("Snapshot", "snapshot"), ("Clone", "clone")):
        section = text.split(f"### {heading}\n")[1].split("<!-- end")[0]
        lines = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("|")]
        states = [word.split(" ", 1)[1] for word in lines[0][1:]]
        rows = json.loads(daemonless("operations", sync_type, "--json=short").stdout)
        assert len(lines) == 2 + len(rows)
        for line, row in zip(lines[2:], rows):
            assert line[0].split()[1] == str(row["Number"])
            assert line[0].split()[0].lower() == row["Operation"].replace("-", "")
            assert line[1:] == [row[s] for s in states]


def test_operations_of_a_relationship(ctl):
    rows = json.loads(ctl("relationship", "operations", "r1", "--json=short").stdout)
    assert rows == [{"Number": 7, "Operation": "deactivate", "NeedsForce": False, "Result": "Inactive"},
                    {"Number": 22, "Operation": "suspend", "NeedsForce": False, "Result": "Suspended"},
                    {"Number": 8, "Operation": "detach", "NeedsForce": True, "Result": "the relationship ends"}]
    lines = ctl("relationship", "operations", "r1").stdout.splitlines()
    assert lines[0] == "r1 is Synchronized; what it can be given now:"
    assert lines[3].split() == ["7", "deactivate", "no", "Inactive"]
    assert ctl("relationship", "operations", "nobody").returncode == 3


def test_extended_status_is_told(ctl):
    assert ctl("relationship", "failover", "r1").stdout.splitlines() == [
        "r1: Failedover",
        "  recovery point: 2024-01-01 10:00:00 UTC, 1min 35s old",
        "  snapshots kept: vg1/a.before vg1/b.before",
        "  legal operations: failback, reverse-roles, detach --force",
        "  something new: 5"]
    assert ctl("relationship", "failover", "r1", "--no-legend").stdout == "r1: Failedover\n"
    assert ctl("relationship", "failover", "r1", "-q").stdout == ""
    status = json.loads(ctl("relationship", "failover", "r1", "--json=short").stdout)["ExtendedStatus"]
    assert (status["RecoveryPointAge"], status["LegalOperations"][-1]) == (95000123, "detach!")


def test_monitor_now(ctl):
    lines = ctl("monitor", "--now").stdout.splitlines()
    assert lines[-1] == "exists -"
    assert len(lines) == 5 + 2 + 1 + 1 + 1 + 1
    r1 = next(line for line in lines if line.startswith("exists relationship") and " name:r1 " in line)
    assert " copy-state:Synchronized " in r1 and " leg-timeout-usec:5000000 " in r1
    r2 = next(line for line in lines if line.startswith("exists relationship") and " name:r2 " in line)
    assert " source-group-name:g\\x202 " in r2
    for line in ctl("monitor", "--now", "--json=short").stdout.splitlines():
        assert json.loads(line)["Event"] == "exists"


def test_monitor_follows(ctl):
    with ctl.start("monitor") as m:
        while m.stdout.readline() != "exists -\n":
            pass
        assert ctl("relationship", "suspend", "r1").returncode == 0
        words = m.stdout.readline().split()
        assert words[:2] == ["change", "relationship"]
        assert "copy-state:Suspended" in words and "revision:6" in words
        assert ctl("job", "cancel", "7").returncode == 0
        assert m.stdout.readline().startswith("change job ")
        words = m.stdout.readline().split()
        assert words[:2] == ["end", "job"] and "result:canceled" in words
        m.send_signal(signal.SIGINT)
        assert m.wait(10) == 0


def test_monitor_tells_events_of_all_kinds(ctl):
    with ctl.start("monitor") as text, ctl.start("monitor", "--json=pretty") as lines:
        while text.stdout.readline() != "exists -\n":
            pass
        while json.loads(lines.stdout.readline()).get("Kind") != "-":
            pass
        assert ctl("relationship", "failover", "r1").returncode == 0
        told = [text.stdout.readline().split() for _ in range(4)]
        assert [words[:2] for words in told] == [["change", "relationship"], ["event", "state"], ["change", "pool"],
                                                 ["change", "system"]]
        assert "reason:as\\x20it\\x20was\\x20asked\\x20for" in told[1]
        assert told[3][-1] == "module-loaded:no"
        told = [json.loads(lines.stdout.readline()) for _ in range(4)]
        assert [o["Kind"] for o in told] == ["relationship", "relationship", "pool", "system"]
        assert told[0]["Properties"] == {"CopyState": "Failedover"} and "Name" not in told[0]
        assert (told[1]["Event"], told[1]["Name"]) == ("event", "state")
        assert told[1]["Path"].startswith("/org/blkrepl1/relationship/") and told[1]["Time"] > 1 << 50
        for m in (text, lines):
            m.send_signal(signal.SIGTERM)
            assert m.wait(10) == 0


def test_monitor_goes_on_when_the_daemon_is_away(ctl):
    with ctl.start("monitor") as m:
        while m.stdout.readline() != "exists -\n":
            pass
        os.kill(ctl.daemon_pid, signal.SIGKILL)
        assert m.stdout.readline() == "gone daemon\n"
        assert m.poll() is None
        m.send_signal(signal.SIGINT)
        assert m.wait(10) == 0


def read_terminal(fd):
    text = b""
    try:
        while True:
            chunk = os.read(fd, 4096)
            if not chunk:
                break
            text += chunk
    except OSError:  # what a terminal gives at its end
        pass
    return text.decode()


def on_terminal(ctl, *args, **env):
    """Standard output and error are a terminal."""
    ours, theirs = pty.openpty()
    with subprocess.Popen([ctl.program, *args], env={**ctl.env, "TERM": "xterm", **env}, stdin=theirs, stdout=theirs,
                          stderr=theirs, start_new_session=True) as p:
        os.close(theirs)
        text = read_terminal(ours)
        os.close(ours)
        assert p.wait(10) == 0
    return text


def test_progress_is_one_line_on_a_terminal(ctl):
    text = on_terminal(ctl, "relationship", "resume", "r1")
    lines = text.split("\n")
    assert lines[0].lstrip("\r").startswith("copying    [##########..............]  42.5%  1G of 2G  100M/s  11s left")
    assert lines[1:] == ["r1: Unsynchronized\r", ""]


def test_pager_only_on_a_terminal(ctl):
    assert on_terminal(ctl, "pool", "list", PAGER="sed s/^/paged:/").startswith("paged:NAME")
    assert on_terminal(ctl, "pool", "list", "--no-pager", PAGER="sed s/^/paged:/").startswith("NAME")
    assert on_terminal(ctl, "pool", "list", PAGER="sed s/^/paged:/", TERM="dumb").startswith("NAME")
    assert on_terminal(ctl, "pool", "list", PAGER="no-such-pager").startswith("NAME")
    assert ctl("pool", "list").stdout.startswith("NAME")


def test_j_is_pretty_on_a_terminal_only(ctl):
    assert on_terminal(ctl, "pool", "list", "-j", "--no-pager").count("\n") > 1
    assert ctl("pool", "list", "-j").stdout.count("\n") == 1
