# SPDX-License-Identifier: LGPL-2.1-or-later
"""The daemon itself: start, stop, kill, its database."""
import json
import signal
import sqlite3
import time

from conftest import MIB, ROOT, SYSTEM

GROUP = "11111111-2222-3333-4444-55555555555{}"


def add_rows(daemon, intent=None):
    """A source group and a target group in a relationship, as after a creation."""
    with sqlite3.connect(daemon.directory / "blkrepl.db") as db:
        db.execute("PRAGMA foreign_keys=ON")
        for i, role in ((0, 0), (1, 1)):
            db.execute("INSERT INTO groups VALUES (?,?,?,?,?,?)", (GROUP.format(i), f"g{i}", role, f"/dev/none/log{i}", MIB, 1))
            db.execute("INSERT INTO members VALUES (?,?,?,?,?,?,?)",
                       (GROUP.format(i), 0, GROUP.format(i + 4), "m", f"/dev/none/m{i}", 4 * MIB, i))
        db.execute("INSERT INTO relationships VALUES (?,?,?,?,?,?,?)", (GROUP.format(9), "r", GROUP.format(0), GROUP.format(1), 6, 2, 0))
        if intent is not None:
            db.execute("INSERT INTO intents VALUES (?,?,?)", (GROUP.format(9), intent, 0))


def test_rows_outlive_a_restart_and_a_kill(daemon):
    daemon.stop()
    add_rows(daemon)
    daemon.start()
    for how in (signal.SIGTERM, signal.SIGKILL):
        groups = daemon.value(ROOT, SYSTEM, "ListGroups")[0]
        assert [(g[1], g[2], g[4]) for g in groups] == [("g0", "source", 1), ("g1", "target", 1)]
        relationships = daemon.value(ROOT, SYSTEM, "ListRelationships")[0]
        assert [r[1:4] for r in relationships] == [["r", "g0", "g1"]]
        daemon.stop(how)
        daemon.start()


def test_objects_resolve_by_uuid_and_by_name(daemon):
    daemon.stop()
    add_rows(daemon)
    daemon.start()
    for interface, kind, name in (("Group", "group", "g0"), ("Relationship", "relationship", "r")):
        path = daemon.value(ROOT, SYSTEM, f"Get{interface}", "s", [name])[0]
        assert daemon.get(path, f"org.blkrepl1.{interface}", "Name") == name
        assert daemon.get(f"{ROOT}/{kind}/{name}", f"org.blkrepl1.{interface}", "UUID") == \
            daemon.get(path, f"org.blkrepl1.{interface}", "UUID")


def test_describe_has_every_property_of_every_object(daemon):
    daemon.stop()
    add_rows(daemon)
    daemon.start()
    state = json.loads(daemon.value(ROOT, SYSTEM, "Describe")[0])
    assert [len(state[k]) for k in ("Groups", "Relationships", "Pairs", "Peers", "Jobs")] == [2, 1, 1, 1, 0]
    interfaces = {"Groups": "Group", "Relationships": "Relationship", "Pairs": "SyncPair", "Volumes": "Volume"}
    for title, interface in interfaces.items():
        for item in state[title]:
            live = daemon.value(item["Path"], "org.freedesktop.DBus.Properties", "GetAll", "s", [f"org.blkrepl1.{interface}"])[0]
            assert set(item) - {"Path"} == set(live)


def test_an_unfinished_creation_is_undone_at_start(daemon):
    daemon.stop()
    for phase in (0, 2):
        add_rows(daemon, phase)
        daemon.start()
        for _ in range(100):
            if daemon.rows() == 0:
                break
            time.sleep(0.05)
        assert daemon.rows() == 0
        assert daemon.value(ROOT, SYSTEM, "ListGroups")[0] == []
        daemon.stop()


def test_a_first_copy_is_not_undone_at_start(daemon):
    daemon.stop()
    add_rows(daemon, 1)
    daemon.start()
    assert len(daemon.value(ROOT, SYSTEM, "ListRelationships")[0]) == 1


def test_a_damaged_database_is_set_aside(daemon):
    daemon.stop()
    (daemon.directory / "blkrepl.db").write_bytes(b"no database at all" * 1000)
    daemon.start()
    assert daemon.value(ROOT, SYSTEM, "ListGroups")[0] == []
    assert len(list(daemon.directory.glob("blkrepl.db.damaged-*"))) == 1


def test_operations_on_a_group_that_is_down(daemon):
    daemon.stop()
    add_rows(daemon)
    daemon.start()
    relationship = f"{ROOT}/relationship/r"
    result = daemon.call(relationship, "org.blkrepl1.Relationship", "Suspend", "a{sv}", [{}])
    assert result["error"] == "org.blkrepl1.Error.Failed"
    assert "start it" in result["message"]
    for name in ("Failover", "Split", "Unprepare"):
        result = daemon.call(relationship, "org.blkrepl1.Relationship", name, "a{sv}", [{}])
        assert result["error"] == "org.blkrepl1.Error.Failed", result
    for name in ("AddSyncPair", "RemoveSyncPair"):
        result = daemon.call(relationship, "org.blkrepl1.Relationship", name, "aoa{sv}", [[], {}])
        assert result["error"] == "org.blkrepl1.Error.Failed", result
    result = daemon.call(relationship, "org.blkrepl1.Relationship", "ReturnToResourcePool", "a{sv}", [{}])
    assert result["error"] == "org.blkrepl1.Error.NotSupported", result
    result = daemon.call(relationship, "org.blkrepl1.Relationship", "Set", "a{sv}", [{}])
    assert result["error"] == "org.blkrepl1.Error.InvalidParameter"
    result = daemon.call(relationship, "org.blkrepl1.Relationship", "WaitState", "qt", [4, 1000])
    assert result["error"] == "org.blkrepl1.Error.Timeout"
    result = daemon.call(relationship, "org.blkrepl1.Relationship", "WaitState", "qt", [99, 1000])
    assert result["error"] == "org.blkrepl1.Error.InvalidParameter"


def test_set_replication_relationship_checks_its_parameters(daemon):
    daemon.stop()
    add_rows(daemon)
    daemon.start()
    group = f"{ROOT}/group/g0"

    def run(op=22, target="/", sources=(), targets=(), pairs=(), options=None):
        return daemon.call(group, "org.blkrepl1.Group", "SetReplicationRelationship", "qoaoaoaoa{sv}",
                           [op, target, list(sources), list(targets), list(pairs), options or {}])["error"]

    assert run(op=1) == "org.blkrepl1.Error.InvalidParameter"
    assert run(op=24) == "org.blkrepl1.Error.InvalidParameter"
    assert run(op=19) == "org.blkrepl1.Error.NotSupported"
    assert run(target=f"{ROOT}/group/g0") == "org.blkrepl1.Error.ObjectNotFound"
    assert run(target=f"{ROOT}/group/g1") == "org.blkrepl1.Error.Failed"
    assert run(sources=[f"{ROOT}/volume/x"]) == "org.blkrepl1.Error.InvalidParameter"
    assert run(pairs=["/"]) == "org.blkrepl1.Error.InvalidParameter"
    assert run(options={"HoldSource": ["b", True]}) == "org.blkrepl1.Error.InvalidParameter"
    assert run(options={"HoldSourceIO": ["b", True]}) == "org.blkrepl1.Error.Failed"
    assert run(op=16, options={"HoldSourceIO": ["b", True]}) == "org.blkrepl1.Error.InvalidParameter"
    assert run(op=15, options={"KeepSnapshot": ["b", True]}) == "org.blkrepl1.Error.Failed"
    assert run(op=10, options={"KeepSnapshot": ["b", True]}) == "org.blkrepl1.Error.InvalidParameter"
    assert run() == "org.blkrepl1.Error.Failed"


def test_every_operation_that_is_offered_is_known(daemon):
    daemon.stop()
    add_rows(daemon)
    daemon.start()
    offered = daemon.value(ROOT, SYSTEM, "GetSupportedOperations", "qq", [6, 2])[0]
    assert {o[0] for o in offered} >= {2, 4, 5, 7, 8, 10, 11, 12, 13, 14, 15, 16, 20, 21, 22, 23}
    for number, name, states in offered:
        assert states, name
        method = "".join(word.capitalize() for word in name.split("-"))
        pairs = name.endswith("sync-pair")
        result = daemon.call(f"{ROOT}/relationship/r", "org.blkrepl1.Relationship", method, "aoa{sv}" if pairs else "a{sv}",
                             [[], {"Nothing": ["b", True]}] if pairs else [{"Nothing": ["b", True]}])
        assert result["error"] == "org.blkrepl1.Error.InvalidParameter", (number, result)
        assert "Force" in result["message"], result


def rows_of(daemon, table):
    with sqlite3.connect(f"file:{daemon.directory}/blkrepl.db?mode=ro", uri=True) as db:
        return db.execute(f"SELECT * FROM {table}").fetchall()


def test_a_relationship_out_of_reach_ends_with_force(daemon):
    daemon.stop()
    add_rows(daemon)
    daemon.start()
    relationship = f"{ROOT}/relationship/r"
    result = daemon.call(relationship, "org.blkrepl1.Relationship", "Detach", "a{sv}", [{}])
    assert result["error"] == "org.blkrepl1.Error.Failed"
    assert "Force" in result["message"]
    value, job, status = daemon.value(relationship, "org.blkrepl1.Relationship", "Detach", "a{sv}", [{"Force": ["b", True]}])
    assert (value, job, status["Code"]) == (0, "/", 0)
    assert daemon.value(ROOT, SYSTEM, "ListRelationships")[0] == []
    for how in (signal.SIGTERM, signal.SIGKILL):
        assert [(g[1], g[2]) for g in daemon.value(ROOT, SYSTEM, "ListGroups")[0]] == [("g0", "none"), ("g1", "none")]
        assert sorted(rows_of(daemon, "tombstones")) == [(GROUP.format(i), GROUP.format(9)) for i in (0, 1)]
        daemon.stop(how)
        daemon.start()
    daemon.value(f"{ROOT}/group/g1", "org.blkrepl1.Group", "Delete", "a{sv}", [{}])
    assert rows_of(daemon, "tombstones") == [(GROUP.format(0), GROUP.format(9))]


def test_an_intent_waits_for_the_module(daemon):
    daemon.stop()
    add_rows(daemon)
    with sqlite3.connect(daemon.directory / "blkrepl.db") as db:
        db.execute("INSERT INTO operations VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
                   (GROUP.format(9), 10, 4, GROUP.format(0), 0, 0, 0, 0, 0, 0, 2, 1, 0, "", 0))
    for how in (signal.SIGTERM, signal.SIGKILL):
        daemon.start()
        assert daemon.get(f"{ROOT}/relationship/r", "org.blkrepl1.Relationship", "CopyState") == "Not applicable"
        daemon.stop(how)
        assert len(rows_of(daemon, "operations")) == 1


def test_a_database_of_the_first_version_is_brought_up(daemon):
    daemon.stop()
    add_rows(daemon)
    with sqlite3.connect(daemon.directory / "blkrepl.db") as db:
        db.executescript("DROP TABLE operations; DROP TABLE tombstones; DROP TABLE change_members; DROP TABLE changes;"
                         "DROP TABLE move_members; DROP TABLE moves; DROP TABLE aspects; PRAGMA user_version=1")
    daemon.start()
    assert len(daemon.value(ROOT, SYSTEM, "ListRelationships")[0]) == 1
    assert rows_of(daemon, "operations") == []
    assert (daemon.directory / "blkrepl.db.version-1").exists()
