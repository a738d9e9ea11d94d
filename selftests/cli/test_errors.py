# SPDX-License-Identifier: GPL-2.0
"""Exit statuses: one for each code of the model; 2 is also wrong usage."""
import pathlib

import pytest

from standin import CODES

OPERATIONS = pathlib.Path(__file__).resolve().parents[2] / "docs" / "operations.md"

CREATE = ("relationship", "create")
SOURCE = ("--source=vg0/data",)
POOL = ("--target-pool=vg1",)


@pytest.mark.parametrize("args, status, words", (
    (("relationship", "activate", "r1"), 4, "legal: Resume, Detach (Failed, code 4)"),
    (("relationship", "detach", "r2"), 4, "needs Force"),
    (("relationship", "suspend", "r1", "--revision=4"), 9, "(CacheOutOfDate, code 40003)"),
    (("relationship", "split", "r1"), 7, "(NotSupported, code 1)"),
    (("relationship", "abort", "r1"), 6, "(AccessDenied, code 40001)"),
    (("relationship", "deactivate", "r1"), 1, "input/output error"),
    (("relationship", "suspend", "nobody"), 3, 'there is no relationship "nobody"; see: blkreplctl relationship list'),
    (("relationship", "show", "nobody"), 3, '(ObjectNotFound, code 8)'),
    (("status", "nobody"), 3, 'no relationship "nobody"'),
    (("group", "stop", "g1"), 4, "unmount it first"),
    (("group", "start", "nobody"), 3, 'no group "nobody"'),
    (("job", "wait", "8"), 3, "(ObjectNotFound, code 8)"),
    (CREATE + ("x", "--source=vg0/none") + POOL, 3, "vg0/none"),
    (CREATE + ("x", "--target-pool=vg9") + SOURCE, 3, "vg9"),
    (CREATE + ("taken",) + SOURCE + POOL, 2, "choose another name (InvalidParameter, code 5)"),
    (CREATE + ("full",) + SOURCE + POOL, 8, "(NotEnoughResources, code 40002)"),
    (CREATE + ("x", "--mode=adaptive", "--rpo=5") + SOURCE + POOL, 7, "use Synchronous (NotSupported, code 1)"),
))
def test_refused_by_the_daemon(ctl, args, status, words):
    r = ctl(*args)
    assert (r.returncode, r.stdout) == (status, "")
    assert words in r.stderr
    assert r.stderr.startswith("blkreplctl: ") and r.stderr.endswith("\n")


def documented():
    """Exit status and name of each code, from the documentation."""
    section = OPERATIONS.read_text(encoding="utf-8").split("begin errors:")[1].split("end errors")[0]
    rows = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("|")][2:]
    return {int(row[2]): (int(row[0]), row[1]) for row in rows}


def test_every_code_has_an_exit_status_of_its_own():
    assert {code: name for code, (_, name) in documented().items()} == CODES
    statuses = [status for status, _ in documented().values()]
    assert len(set(statuses)) == len(CODES) and 0 not in statuses and max(statuses) < 126


@pytest.mark.parametrize("code", CODES)
def test_exit_status_is_the_documented_one(ctl, code):
    r = ctl("relationship", "unprepare", "r1", f"--revision={code}")
    status, name = documented()[code]
    assert (r.returncode, r.stdout) == (status, "")
    assert r.stderr.startswith("blkreplctl: r1: as the test wants it (")
    assert code == 2 or f"({name}, code {code})" in r.stderr


def test_refusal_says_how_things_stand_and_what_can_be_done(ctl):
    refused = ("relationship", "unprepare", "r1", "--revision=4")
    lines = ctl(*refused).stderr.splitlines()
    assert lines[0] == "blkreplctl: r1: as the test wants it (Failed, code 4)"
    assert lines[1] == "r1 is Synchronized"
    assert "  reason: the copy is complete" in lines
    assert "  recovery point: 2024-01-01 10:00:00 UTC, up to date" in lines
    assert lines[-1] == "  legal operations: deactivate, suspend, detach --force"
    assert not any("same on both sides" in line for line in lines)
    lines = ctl("relationship", "detach", "r2").stderr.splitlines()
    assert lines[1] == "r2 is Unsynchronized"
    assert "  not the same on both sides: 1G" in lines
    for option in ("-q", "--no-legend"):
        assert len(ctl(*refused, option).stderr.splitlines()) == 1


@pytest.mark.parametrize("args, words", (
    (("nonsense",), "is no command"),
    (("relationship",), "Known are create"),
    (("relationship", "nonsense"), "Known are create"),
    (("relationship", "1"), "Known are create"),
    (("relationship", "add-sync-pair", "r1"), "too few arguments; it is: blkreplctl relationship add-sync-pair NAME PAIR"),
    (("relationship", "operations"), "too few arguments"),
    (("relationship", "suspend", "r1", "--wait=15"), "no state that a mirror"),
    (("relationship", "suspend", "r1", "--wait="), "no state that a mirror"),
    (("relationship", "suspend", "r1", "--keep-snapshot=maybe"), "yes or no"),
    (("relationship", "set", "r1", "rate-limit=1", "--force"), "--force means nothing to"),
    (("operations", "Copy"), "no SyncType"),
    (("relationship", "suspend"), "too few arguments"),
    (("group", "list", "x"), "too many arguments"),
    (("group", "create", "new"), "too few arguments"),
    (("group", "create", ".x", "vg0/data"), "cannot be a name"),
    (("group", "create", "new", "vg0/data", "--log-size=big"), "needs a number of bytes"),
    (("group", "rename", "g1", "a/b"), "cannot be a name"),
    (("group", "add-member", "g1", "vg0/data", "--target=vg0/data", "--target-pool=vg1"), "and once"),
    (("group", "add-member", "g1", "vg0/data", "--target-pool=vg1", "--target-pool=vg2"), "and once"),
    (("group", "add-member", "g1", "vg0/data", "--member-name=a", "--member-name=b"), "one name"),
    (("group", "set", "g1", "rate-limit=5"), "keys: log-size member-names"),
    (("group", "set", "g1", "log-size=none"), "needs a number of bytes"),
    (("group", "stop", "g1", "--force"), "--force means nothing to"),
    (("status", "--json=xml"), "pretty, short or off"),
    (("status", "--nonsense"), "unrecognized option"),
    (("wait", "r1", "Partitioned"), "no state that a mirror"),
    (("wait", "r1", "--timeout=soon"), "needs a time"),
    (("wait", "r1", "--timeout=0"), "more than 0"),
    (("job", "wait", "seven"), "not the number of a job"),
    (("relationship", "set", "r1", "rate=5"), "keys: rate-limit yield-rate"),
    (("relationship", "set", "r1", "rate-limit=fast"), "100M"),
    (("relationship", "set", "r1", "rate-limit=99999999P"), "100M"),
    (("relationship", "set", "r1", "leg-timeout=-1s"), "needs a time"),
    (("relationship", "set", "r1", "failed-copy-stops-host-io=maybe"), "yes or no"),
    (("relationship", "suspend", "r1", "--revision=x"), "needs a number"),
    (CREATE + (".x",) + SOURCE + POOL, "cannot be a name"),
    (CREATE + ("a/b",) + SOURCE + POOL, "cannot be a name"),
    (CREATE + ("x" * 64,) + SOURCE + POOL, "cannot be a name"),
    (CREATE + ("x",) + POOL, "what is to be protected"),
    (CREATE + ("x",) + SOURCE, "where is the copy"),
    (CREATE + ("x", "--target=vg0/data") + SOURCE + POOL, "not both"),
    (CREATE + ("x", "--mode=fast") + SOURCE + POOL, "is no mode"),
    (CREATE + ("x", "--rpo=soon") + SOURCE + POOL, "seconds"),
    (CREATE + ("x", "--rpo=99999999d") + SOURCE + POOL, "seconds"),
    (("relationship", "set", "r1", "rpo=-1"), "seconds"),
    (("relationship", "reset-to-async", "r1", "--rpo=soon"), "seconds"),
))
def test_usage_is_refused_without_a_call(ctl, args, words):
    r = ctl(*args)
    assert (r.returncode, r.stdout) == (2, "")
    assert words in r.stderr
    assert not ctl.calls("CreateReplicationRelationship", "Set", "Suspend", "WaitState", "Wait",
                         "CreateReplicationGroup", "AddMember", "Rename", "SetSettings", "Stop")


def test_several_arguments_go_on_after_a_failure(ctl):
    r = ctl("relationship", "suspend", "nobody", "r1")
    assert (r.returncode, r.stdout) == (3, "r1: Suspended\n")


def test_no_daemon(daemonless):
    r = daemonless("status")
    assert r.returncode == 1 and "systemctl start blkrepld" in r.stderr


def test_no_bus(daemonless, tmp_path):
    daemonless.env["DBUS_SYSTEM_BUS_ADDRESS"] = f"unix:path={tmp_path}/nothing"
    r = daemonless("status")
    assert r.returncode == 1 and "cannot reach the system bus" in r.stderr
