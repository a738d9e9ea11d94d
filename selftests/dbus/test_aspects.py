# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is left of a relationship that was dissolved: its object, and what its groups are refused."""
import json
import signal
import sqlite3
import time

import pytest

from conftest import NOBODY, ROOT, SYSTEM
from test_daemon import GROUP, add_rows, rows_of

INTERFACE = "org.blkrepl1.SynchronizationAspect"
POINT = 1704103200000000


def add_aspect(daemon, expires=0, consistent=1):
    daemon.stop()
    add_rows(daemon)
    with sqlite3.connect(daemon.directory / "blkrepl.db") as db:
        db.execute("INSERT INTO aspects VALUES (?,?,?,?,?)", (GROUP.format(9), POINT, 77, expires, consistent))
    daemon.start()


def check(result, error, *words):
    assert result.get("error") == f"org.blkrepl1.Error.{error}", result
    for word in words:
        assert word in result["message"], result


def pair(daemon, source="g0", target="g1", name="again", options=None):
    return daemon.call(ROOT, SYSTEM, "CreateReplicationRelationship", "sqqosaoa{sv}saoaoa{sv}uooa{sv}",
                       [name, 6, 2, "/", "", [], {}, "", [], [], {}, 0, f"{ROOT}/group/{source}", f"{ROOT}/group/{target}",
                        options or {}])


def test_an_aspect_is_no_relationship(daemon):
    add_aspect(daemon)
    for how in (signal.SIGTERM, signal.SIGKILL):
        assert daemon.value(ROOT, SYSTEM, "ListRelationships")[0] == []
        assert daemon.value(ROOT, SYSTEM, "ListPairs")[0] == []
        row, = daemon.value(ROOT, SYSTEM, "ListAspects")[0]
        assert row[:9] == [GROUP.format(9), "r", "g0", "g1", POINT, True, 0, 0, 0]
        assert daemon.value(ROOT, SYSTEM, "GetAspect", "s", ["r"])[0] == row[9]
        check(daemon.call(ROOT, SYSTEM, "GetRelationship", "s", ["r"]), "ObjectNotFound")
        assert [(g[1], g[2]) for g in daemon.value(ROOT, SYSTEM, "ListGroups")[0]] == [("g0", "none"), ("g1", "none")]
        daemon.stop(how)
        daemon.start()


def test_properties(daemon):
    add_aspect(daemon, consistent=0)
    path = daemon.value(ROOT, SYSTEM, "GetAspect", "s", [GROUP.format(9)])[0]
    p = daemon.value(path, "org.freedesktop.DBus.Properties", "GetAll", "s", [INTERFACE])[0]
    assert (p["Name"], p["WhenPointInTime"], p["Generation"], p["Consistent"], p["Expires"]) == ("r", POINT, 77, False, 0)
    # Of the text that the description tells
    digest = "d66b4f6a6b7d7f4d"
    assert len(p["Digest"]) == 64 and set(p["Digest"]) <= set("0123456789abcdef") and digest != p["Digest"]
    state = json.loads(daemon.value(ROOT, SYSTEM, "Describe")[0])
    assert [set(a) - {"Path"} for a in state["Aspects"]] == [set(p)]
    assert state["Relationships"] == state["Pairs"] == []
    for group, end in (("g0", "SourceGroup"), ("g1", "TargetGroup")):
        assert daemon.get(f"{ROOT}/group/{group}", "org.blkrepl1.Group", "Aspects") == [path]
        assert daemon.get(f"{ROOT}/group/{group}", "org.blkrepl1.Group", "Relationships") == []
        assert daemon.get(p[end], "org.blkrepl1.Group", "Name") == group


def test_digest_is_of_the_text_in_the_description(daemon):
    import hashlib

    add_aspect(daemon)
    text = f"{GROUP.format(9)}\n77\n" + "".join(f"{GROUP.format(i + 4)} {4 << 20}\n" for i in (0, 1))
    assert daemon.get(f"{ROOT}/aspect/r", INTERFACE, "Digest") == hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize("group", ["g0", "g1"])
@pytest.mark.parametrize("method, signature, arguments", [
    ("Delete", "a{sv}", [{}]),
    ("Delete", "a{sv}", [{"Force": ["b", True], "RemoveVolumes": ["b", True]}]),
    ("Resize", "a{sv}", [{}]),
    ("AddMember", "oa{sv}", [f"{ROOT}/volume/x", {}]),
    ("Rename", "sa{sv}", ["other", {}]),
])
def test_what_its_groups_are_refused(daemon, group, method, signature, arguments):
    add_aspect(daemon)
    check(daemon.call(f"{ROOT}/group/{group}", "org.blkrepl1.Group", method, signature, arguments),
          "Failed", "aspect r", "blkreplctl aspect delete r")
    assert len(rows_of(daemon, "groups")) == 2


def test_no_operation_reaches_it(daemon):
    add_aspect(daemon)
    check(daemon.call(f"{ROOT}/group/g0", "org.blkrepl1.Group", "SetReplicationRelationship", "qoaoaoaoa{sv}",
                      [8, "/", [], [], [], {}]), "ObjectNotFound", "in no relationship")
    result = daemon.call(f"{ROOT}/relationship/r", "org.blkrepl1.Relationship", "Detach", "a{sv}", [{}])
    assert "UnknownObject" in result["error"] or "UnknownMethod" in result["error"], result


def test_pairing_again(daemon):
    add_aspect(daemon)
    check(pair(daemon, "g1", "g0"), "Failed", "from the group g0 to the group g1", "blkreplctl aspect delete r")
    check(pair(daemon, options={"Inactive": ["b", True]}), "InvalidParameter", "Inactive")
    check(pair(daemon), "Failed", "down", "start it")
    assert rows_of(daemon, "operations") == []
    assert len(rows_of(daemon, "aspects")) == 1


def test_no_other_partner(daemon):
    add_aspect(daemon)
    result = daemon.call(ROOT, SYSTEM, "CreateReplicationRelationship", "sqqosaoa{sv}saoaoa{sv}uooa{sv}",
                         ["x", 6, 2, "/", "", [], {}, "", [f"{ROOT}/volume/x"], [], {}, 0, f"{ROOT}/group/g0", "/", {}])
    check(result, "Failed", "aspect r")


def test_deleting_leaves_both_groups(daemon):
    add_aspect(daemon)
    check(daemon.call(f"{ROOT}/aspect/r", INTERFACE, "Delete", "a{sv}", [{"KeepSnapshot": ["b", True]}]), "InvalidParameter")
    check(daemon.call(f"{ROOT}/aspect/r", INTERFACE, "Delete", "a{sv}", [{}], NOBODY), "AccessDenied")
    value, job, status = daemon.value(f"{ROOT}/aspect/r", INTERFACE, "Delete", "a{sv}", [{}])
    assert (value, job, status["Code"]) == (0, "/", 0)
    for how in (signal.SIGTERM, signal.SIGKILL):
        assert daemon.value(ROOT, SYSTEM, "ListAspects")[0] == []
        assert len(daemon.value(ROOT, SYSTEM, "ListGroups")[0]) == 2
        assert rows_of(daemon, "aspects") == rows_of(daemon, "relationships") == []
        assert sorted(rows_of(daemon, "tombstones")) == [(GROUP.format(i), GROUP.format(9)) for i in (0, 1)]
        daemon.stop(how)
        daemon.start()
    assert daemon.value(f"{ROOT}/group/g1", "org.blkrepl1.Group", "Delete", "a{sv}", [{}])[0] == 0


@pytest.mark.parametrize("seconds", [-60, 2])
def test_retention_ends(daemon, seconds):
    add_aspect(daemon, expires=int((time.time() + seconds) * 1000000))
    if seconds > 0:
        assert len(daemon.value(ROOT, SYSTEM, "ListAspects")[0]) == 1
    until = time.time() + 10
    while daemon.value(ROOT, SYSTEM, "ListAspects")[0] and time.time() < until:
        time.sleep(0.1)
    assert daemon.value(ROOT, SYSTEM, "ListAspects")[0] == []
    assert len(daemon.value(ROOT, SYSTEM, "ListGroups")[0]) == 2


def test_dissolving_needs_a_group_that_is_up(daemon):
    daemon.stop()
    add_rows(daemon)
    daemon.start()
    relationship = f"{ROOT}/relationship/r"
    for options in ({}, {"Force": ["b", True]}, {"RetentionUSec": ["t", 5]}):
        result = daemon.call(relationship, "org.blkrepl1.Relationship", "Dissolve", "a{sv}", [options])
        assert result["error"] in ("org.blkrepl1.Error.Failed", "org.blkrepl1.Error.NotSupported"), result
    check(daemon.call(relationship, "org.blkrepl1.Relationship", "Detach", "a{sv}", [{"RetentionUSec": ["t", 5]}]),
          "InvalidParameter", "RetentionUSec")
    assert rows_of(daemon, "aspects") == []
