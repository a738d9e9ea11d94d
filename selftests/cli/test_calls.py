# SPDX-License-Identifier: GPL-2.0
"""What is asked of the daemon, and what becomes of its answers."""
import json
import os
import shlex
import signal
import subprocess

import pytest

GIB = 1 << 30


def create(*more):
    return ("relationship", "create", "db", "--source=vg0/data", "--target-pool=vg1", "--no-block", *more)


def test_create_arguments(ctl):
    r = ctl(*create("--source-group=sg", "--target-group=tg", "--member-name=m", "--target-log=/dev/x", "--mode=sync",
                    "--seeded", "--set=rate-limit=100M", "--set=failed-copy-stops-host-io=yes"))
    assert (r.returncode, r.stdout) == (0, "7\n")
    (_, path, a), = ctl.calls("CreateReplicationRelationship")
    assert path == "/org/blkrepl1"
    assert a == ["db", 6, 2, "/", "sg", ["/org/blkrepl1/volume/vg0_2fdata"], {"MemberNames": ["m"]}, "tg", [],
                 ["/org/blkrepl1/pool/vg1"], {"LogVolume": "/dev/x"}, 0, "/", "/",
                 {"Seeded": True, "RateLimit": 100 << 20, "FailedCopyStopsHostIO": True}]


@pytest.mark.parametrize("words, mode, rpo", (
    (("--mode=asynchronous", "--rpo=30"), 3, 30),
    (("--mode=async", "--rpo=5min"), 3, 300),
    (("--mode=sync", "--rpo=0"), 2, 0),
    (("--rpo=500ms",), 0, 1),
))
def test_create_with_an_objective(ctl, words, mode, rpo):
    assert ctl(*create(*words)).returncode == 0
    (_, _, a), = ctl.calls("CreateReplicationRelationship")
    assert (a[2], a[11], a[14]) == (mode, rpo, {})


def test_objective_of_a_relationship(ctl):
    assert ctl("relationship", "set", "r1", "rpo=30").returncode == 0
    assert ctl("relationship", "set", "r1", "RecoveryPointObjective=1min").returncode == 0
    assert [c[2] for c in ctl.calls("Set")] == [[{"RecoveryPointObjective": 30}], [{"RecoveryPointObjective": 60}]]
    for words in ((), ("--rpo=15",), ("--rpo=0",)):
        ctl("relationship", "reset-to-async", "r1", *words)
    assert [c[2] for c in ctl.calls("ResetToAsync")] == [[{}], [{"RecoveryPointObjective": 15}], [{"RecoveryPointObjective": 0}]]
    shown = ctl("relationship", "reset-to-async", "r1", "--rpo=15", "-v").stderr
    assert " ResetToAsync 'a{sv}' 1 RecoveryPointObjective u 15\n" in shown


def test_create_with_existing_groups(ctl):
    assert ctl("relationship", "create", "db", "--source-group=g1", "--target-group=g1-copy", "--no-block").returncode == 0
    (_, _, a), = ctl.calls("CreateReplicationRelationship")
    assert (a[4:6], a[7:10]) == (["", []], ["", [], []])
    assert a[12].endswith("1") and a[13].endswith("2")


def test_create_with_log_pools(ctl):
    assert ctl(*create("--source-log-pool=vg1", "--target-log-pool=vg2")).returncode == 0
    (_, _, a), = ctl.calls("CreateReplicationRelationship")
    assert (a[6], a[10]) == ({"LogPool": "/org/blkrepl1/pool/vg1"}, {"LogPool": "/org/blkrepl1/pool/vg2"})


def test_create_with_an_existing_group(ctl):
    r = ctl("relationship", "create", "db", "--source-group=g1", "--target=vg0/data", "--force", "--no-block")
    assert r.returncode == 0
    (_, _, a), = ctl.calls("CreateReplicationRelationship")
    assert (a[2], a[4], a[5]) == (0, "", [])
    assert a[8] == ["/org/blkrepl1/volume/vg0_2fdata"]
    assert a[12].startswith("/org/blkrepl1/group/")
    assert a[14] == {"Force": True}


def test_show_call_is_what_busctl_takes(ctl):
    r = ctl(*create("-v", "--set=leg-timeout=1.5s"))
    line = next(line for line in r.stderr.splitlines() if line.startswith("+ busctl call "))
    by_us = ctl.calls("CreateReplicationRelationship")
    busctl = shlex.split(line[2:])
    busctl.insert(1, "--system")
    assert subprocess.run(busctl, env=ctl.env, check=False, stdout=subprocess.DEVNULL).returncode == 0
    by_us_and_busctl = ctl.calls("CreateReplicationRelationship")
    assert by_us_and_busctl == by_us * 2


def test_operation_done_at_once(ctl):
    r = ctl("relationship", "suspend", "r1", "-v")
    assert (r.returncode, r.stdout) == (0, "r1: Suspended\n")
    assert r.stderr == ("+ busctl call org.blkrepl1 /org/blkrepl1/relationship/r1 org.blkrepl1.Relationship Suspend "
                        "'a{sv}' 0\n")
    assert ctl.calls("Suspend") == [["Suspend", "/org/blkrepl1/relationship/r1", [{}]]]


def title(name):
    return "".join(word.capitalize() for word in name.split("-"))


def test_every_operation_has_a_verb(ctl):
    """By its name, by its number, and in the model's spelling."""
    operations = json.loads(ctl("operations", "mirror", "--json=short").stdout)
    assert len(operations) == 22
    for o in operations:
        pairs = ["x1"] if "sync-pair" in o["Operation"] else []
        method = title(o["Operation"])
        for word in (o["Operation"], str(o["Number"]), method):
            ctl("relationship", word, "r1", *pairs, "--no-block")
        expected = [method, "/org/blkrepl1/relationship/r1", [["/org/blkrepl1/pair/x1"]] * len(pairs) + [{}]]
        assert ctl.calls(method) == [expected] * 3


def test_operation_options(ctl):
    assert ctl("relationship", "detach", "r1", "--force", "--revision=5").returncode == 0
    assert ctl.calls("Detach")[0][2] == [{"Force": True, "ExpectedRevision": 5}]
    ctl("relationship", "failover", "r1", "--wait=10", "--timeout=3s", "--hold-source-io", "--keep-snapshot=no")
    ctl("relationship", "failover", "r1", "--keep-snapshot")
    assert [c[2][0] for c in ctl.calls("Failover")] == [
        {"WaitForCopyState": 10, "TimeoutUSec": 3000000, "HoldSourceIO": True, "KeepSnapshot": False},
        {"KeepSnapshot": True}]


@pytest.mark.parametrize("name, operation, expected", (
    ("r1", "suspend", {"WaitForCopyState": 9}),
    ("r1", "failover", {"WaitForCopyState": 10}),
    ("r1", "reverse-roles", {"WaitForCopyState": 4}),
    # The relationship ends, or its state stays: there is nothing to wait for.
    ("r1", "detach", {}),
    ("r2", "resume", {}),
))
def test_wait_without_a_state_is_for_what_the_table_says(ctl, name, operation, expected):
    ctl("relationship", operation, name, "--wait")
    (_, _, arguments), = ctl.calls(title(operation))
    assert arguments == [expected]


@pytest.mark.parametrize("word", ("x1", "r1/data", "data"))
def test_pairs_are_found_by_name(ctl, word):
    assert ctl("relationship", "remove-sync-pair", "r1", word).returncode == 0
    assert ctl.calls("RemoveSyncPair")[0][2] == [["/org/blkrepl1/pair/x1"], {}]
    for unknown in ("x2", "r2/data", "r1/dat", "r/data", "r1/"):
        r = ctl("relationship", "remove-sync-pair", "r1", unknown)
        assert r.returncode == 3 and f'there is no pair "{unknown}"' in r.stderr
    assert ctl("relationship", "remove-sync-pair", "r2", "data").returncode == 3
    assert len(ctl.calls("RemoveSyncPair")) == 1


def test_job_is_followed(ctl):
    r = ctl("relationship", "resume", "r1")
    assert (r.returncode, r.stdout) == (0, "r1: Unsynchronized\n")
    assert r.stderr.splitlines()[0] == "copying 42%  1G of 2G  100M/s  11s left"
    assert ctl.calls("Wait")


def test_job_result_as_json(ctl):
    r = ctl("relationship", "resume", "r1", "--json=short", "-q")
    o = json.loads(r.stdout)
    assert (o["ReturnValue"], o["Result"], o["Code"]) == (4096, "done", 0)
    assert r.stderr == ""


def test_canceled_job_is_an_error(ctl):
    with ctl.start("job", "wait", "7") as w:
        assert w.stderr.readline().startswith("copying 42%")
        assert ctl("job", "cancel", "7").returncode == 0
        assert w.wait(10) == 1
        assert "job 7 was canceled: canceled by the user" in w.stderr.read()


@pytest.mark.parametrize("signum", (signal.SIGINT, signal.SIGTERM))
def test_interrupted_waiting_leaves_the_job(ctl, signum):
    with ctl.start("job", "wait", "7") as w:
        assert w.stderr.readline().startswith("copying 42%")
        w.send_signal(signum)
        assert w.wait(10) == 130
        assert "blkreplctl job wait 7" in w.stderr.read()
    assert not ctl.calls("Cancel")


def test_timeout_leaves_the_job(ctl):
    r = ctl("job", "wait", "7", "--timeout=200ms")
    assert r.returncode == 5 and "goes on" in r.stderr
    assert not ctl.calls("Cancel")


def test_daemon_that_dies_ends_the_waiting(ctl):
    with ctl.start("job", "wait", "7") as w:
        assert w.stderr.readline().startswith("copying 42%")
        os.kill(ctl.daemon_pid, signal.SIGKILL)
        assert w.wait(10) == 1
        assert "the daemon went away" in w.stderr.read()


def test_set(ctl):
    r = ctl("relationship", "set", "r1", "rate-limit=1.5G", "yield-rate=none", "LegTimeoutUSec=500ms",
            "recovery-mode=manual", "heartbeat=2min")
    assert (r.returncode, r.stdout) == (0, "r1: settings changed\n")
    assert ctl.calls("Set")[0][2] == [{"RateLimit": GIB * 3 // 2, "YieldRate": 0, "LegTimeoutUSec": 500000,
                                      "RecoveryMode": "manual", "HeartbeatUSec": 120000000}]


VOLUME = "/org/blkrepl1/volume/vg0_2fdata"


@pytest.mark.parametrize("verb, method, takes", (
    ("start", "Start", ("--force",)), ("resize", "Resize", ()), ("delete", "Delete", ("--remove-volumes", "--force")),
))
def test_group_verbs(ctl, verb, method, takes):
    r = ctl("group", verb, "g1")
    assert (r.returncode, r.stdout) == (0, f"g1: {method} is done\n")
    assert ctl("group", verb, "g1", "g1-copy", *takes).returncode == 0
    options = {{"--force": "Force", "--remove-volumes": "RemoveVolumes"}[o]: True for o in takes}
    assert [c[1:] for c in ctl.calls(method)] == [
        ["/org/blkrepl1/group/g1", [{}]],
        ["/org/blkrepl1/group/g1", [options]], ["/org/blkrepl1/group/g1_2dcopy", [options]]]


def test_group_create(ctl):
    r = ctl("group", "create", "new", "vg0/data", "/dev/vg0/data", "--member-name=a", "--member-name=b",
            "--log-pool=vg1", "--log-size=64M", "--force")
    assert (r.returncode, r.stdout) == (0, "new: the group new is made\n")
    assert ctl("group", "create", "new", "vg0/data", "--log=/dev/x", "-q").stdout == ""
    assert [c[1:] for c in ctl.calls("CreateReplicationGroup")] == [
        ["/org/blkrepl1", ["new", [VOLUME, VOLUME],
                           {"LogPool": "/org/blkrepl1/pool/vg1", "LogSize": 64 << 20, "MemberNames": ["a", "b"]},
                           {"Force": True}]],
        ["/org/blkrepl1", ["new", [VOLUME], {"LogVolume": "/dev/x"}, {}]]]


def test_group_members(ctl):
    assert ctl("group", "add-member", "g1", "vg0/data").returncode == 0
    assert ctl("group", "add-member", "g1", "vg0/data", "--member-name=m", "--target-pool=vg1").returncode == 0
    assert ctl("group", "add-member", "g1", "vg0/data", "--target=vg0/data", "--force").returncode == 0
    assert [c[2] for c in ctl.calls("AddMember")] == [
        [VOLUME, {}], [VOLUME, {"MemberName": "m", "TargetPool": "/org/blkrepl1/pool/vg1"}],
        [VOLUME, {"TargetElement": VOLUME, "Force": True}]]
    r = ctl("group", "remove-member", "g1", "data", "--remove-volumes", "--force")
    assert (r.returncode, r.stdout) == (0, "g1: RemoveMember is done\n")
    assert ctl.calls("RemoveMember") == [
        ["RemoveMember", "/org/blkrepl1/group/g1", ["data", {"RemoveVolumes": True, "Force": True}]]]


def test_group_name_and_settings(ctl):
    assert ctl("group", "rename", "g1", "g9", "--force").returncode == 0
    assert ctl.calls("Rename")[0][2] == ["g9", {"Force": True}]
    assert ctl("group", "set", "g1", "log-size=1G", "member-names=a,b").returncode == 0
    assert ctl.calls("SetSettings")[0][2] == [{"LogSize": GIB, "MemberNames": ["a", "b"]}, {}]


def test_wait_state(ctl):
    assert ctl("wait", "r1").returncode == 0
    assert ctl("relationship", "wait", "r2", "3").returncode == 0
    assert [c[2] for c in ctl.calls("WaitState")] == [[4, 0], [3, 0]]
    r = ctl("wait", "r2", "--timeout=100ms")
    assert r.returncode == 5 and "r2 is Unsynchronized still" in r.stderr


@pytest.mark.parametrize("text, number", (
    ("0", 0), ("none", 0), ("512", 512), ("4096B", 4096), ("1K", 1024), ("1k", 1024), ("2KiB", 2048),
    ("100MB/s", 100 << 20), ("0.5G", GIB // 2), ("3T", 3 << 40),
))
def test_sizes(ctl, text, number):
    assert ctl("relationship", "set", "r1", f"rate-limit={text}").returncode == 0
    assert ctl.calls("Set")[0][2] == [{"RateLimit": number}]


@pytest.mark.parametrize("text, number", (
    ("0", 0), ("7", 7000000), ("0.25", 250000), ("5s", 5000000), ("20us", 20), ("1h", 3600000000), ("1d", 86400000000),
))
def test_times(ctl, text, number):
    assert ctl("relationship", "set", "r1", f"leg-timeout={text}").returncode == 0
    assert ctl.calls("Set")[0][2] == [{"LegTimeoutUSec": number}]


def test_another_host(ctl, tmp_path):
    """sd-bus runs ssh, which here stays at home."""
    ssh = tmp_path / "ssh"
    ssh.write_text(f'#!/bin/sh\necho "$@" >{tmp_path}/ssh.args\nexec systemd-stdio-bridge --bus-path="$DBUS_SYSTEM_BUS_ADDRESS"\n')
    ssh.chmod(0o755)
    ctl.env["PATH"] = f"{tmp_path}:{ctl.env['PATH']}"
    r = ctl("-H", "admin@elsewhere", "-v", "relationship", "suspend", "r1")
    assert (r.returncode, r.stdout) == (0, "r1: Suspended\n")
    assert r.stderr.startswith("+ busctl -H admin@elsewhere call ")
    assert "admin@elsewhere" in (tmp_path / "ssh.args").read_text().split()


def test_dissolve_and_aspects(ctl):
    r = ctl("relationship", "dissolve", "r1", "--retention=2d", "--force")
    assert (r.returncode, r.stdout) == (0, "r1: the point in time is remembered\n")
    assert [a for _, _, a in ctl.calls("Dissolve")] == [[{"Force": True, "RetentionUSec": 2 * 86400 * 1000000}]]
    rows = json.loads(ctl("aspect", "list", "--json=short").stdout)
    assert [(row["Name"], row["TargetGroupName"], row["SourceBytesChanged"], row["Consistent"]) for row in rows] == [("r3", "g5", GIB, True)]
    assert "r3" in ctl("aspect", "list").stdout
    assert json.loads(ctl("aspect", "show", "r3", "--json=short").stdout)[0]["Digest"] == "ab" * 32
    assert ctl("aspect", "show", "nothing").returncode == 3
    r = ctl("aspect", "delete", "r3")
    assert (r.returncode, r.stdout) == (0, "r3: Delete is done\n")
    (_, path, a), = ctl.calls("Delete")
    assert path.endswith("/aspect/r3") and a == [{}]
