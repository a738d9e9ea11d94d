# SPDX-License-Identifier: LGPL-2.1-or-later
"""Groups as objects of their own: every wrong parameter gets its code, its name and a remedy."""
import sqlite3
import time

import pytest

from conftest import MIB, NOBODY, ROOT, SYSTEM, volume
from test_create import FAILED, INVALID, MANY, NOT_FOUND, RESOURCES, fixture_host, pool  # noqa: F401
from test_daemon import GROUP, add_rows

GOOD = {"name": "g", "elements": [volume("vg/a")], "settings": {}, "options": {}}
ORDER = ["name", "elements", "settings", "options"]
INTERFACE = "org.blkrepl1.Group"


def create(daemon, **changes):
    arguments = dict(GOOD, **changes)
    return daemon.call(ROOT, SYSTEM, "CreateReplicationGroup", "saoa{sv}a{sv}", [arguments[k] for k in ORDER])


def check_error(result, error, words):
    assert result.get("error") == f"org.blkrepl1.Error.{error}", result
    for word in words:
        assert word in result["message"], result
    assert result["message"].endswith("."), result


def refused(daemon, error, words, **changes):
    check_error(create(daemon, **changes), error, words)
    assert daemon.lvm_changes() == []
    assert daemon.rows() == 0
    assert daemon.value(ROOT, SYSTEM, "ListGroups")[0] == []


@pytest.mark.parametrize("error, words, changes", [
    (INVALID, ["group", "letters"], {"name": ""}),
    (INVALID, ["group", "letters"], {"name": "a/b"}),
    (INVALID, ["group", "letters"], {"name": "x" * 64}),
    (INVALID, ["No volume"], {"elements": []}),
    (INVALID, ["at most 128"], {"elements": MANY}),
    (INVALID, ["given twice"], {"elements": [volume("vg/a"), volume("vg/a")]}),
    (INVALID, ["MemberNames"], {"settings": {"MemberNames": ["as", ["a", "b"]]}}),
    (INVALID, ["member", "letters"], {"settings": {"MemberNames": ["as", ["a/b"]]}}),
    (INVALID, ["LogVolume", "/dev"], {"settings": {"LogVolume": ["s", "vg/log"]}}),
    (INVALID, ["LogSize", "LogVolume"], {"settings": {"LogVolume": ["s", "/dev/x"], "LogSize": ["t", 1]}}),
    (INVALID, ["LogPool", "type 'o'"], {"settings": {"LogPool": ["s", "vg"]}}),
    (INVALID, ["RateLimit", "options here"], {"settings": {"RateLimit": ["t", 1]}}),
    (INVALID, ["Seeded", "options here"], {"options": {"Seeded": ["b", True]}}),
    (NOT_FOUND, ["volume", "ListVolumes"], {}),
    (NOT_FOUND, ["volume", "ListVolumes"], {"elements": ["/"]}),
])
def test_wrong_parameter(daemon, error, words, changes):
    refused(daemon, error, words, **changes)


def test_log_volume(host):
    refused(host, NOT_FOUND, ["pool", "ListPools"], settings={"LogPool": ["o", pool("nothing")]})
    refused(host, RESOURCES, ["no space", "vgextend"], settings={"LogPool": ["o", pool("small")], "LogSize": ["t", 64 * MIB]})
    refused(host, INVALID, ["LogPool", "LogVolume"], elements=[volume(host.spare)])
    refused(host, INVALID, ["larger"], settings={"LogVolume": ["s", host.disks.add(64 * 1024)]})
    refused(host, FAILED, ["belongs"], settings={"LogVolume": ["s", host.a]})
    refused(host, NOT_FOUND, ["log volume"], settings={"LogVolume": ["s", "/dev/nothing"]})


def test_members(host):
    refused(host, FAILED, ["belongs"], elements=[volume("vg/a"), volume(host.a)], settings={"MemberNames": ["as", ["x", "y"]]})
    refused(host, INVALID, ["MemberNames"], elements=[volume("vg/a"), volume("vg/b")], settings={"MemberNames": ["as", ["x", "x"]]})


def test_good_parameters_need_the_module(host):
    if host.get(ROOT, SYSTEM, "ModuleLoaded"):
        pytest.skip("the module is loaded")
    refused(host, RESOURCES, ["modprobe blkrepl"])
    refused(host, RESOURCES, ["modprobe blkrepl"], elements=[volume("vg/a"), volume("vg/b")],
            settings={"LogPool": ["o", pool("vg")], "LogSize": ["t", 32 * MIB], "MemberNames": ["as", ["x", "y"]]})
    refused(host, RESOURCES, ["modprobe blkrepl"], elements=[volume(host.spare)],
            settings={"LogVolume": ["s", host.b]}, options={"Force": ["b", True]})


def add_group(daemon, n_members):
    """A group without a relationship, as after a creation."""
    with sqlite3.connect(daemon.directory / "blkrepl.db") as db:
        db.execute("INSERT INTO groups VALUES (?,?,?,?,?,?)", (GROUP.format(0), "alone", 0, "/dev/none/log", 4 * MIB, 1))
        for i in range(n_members):
            db.execute("INSERT INTO members VALUES (?,?,?,?,?,?,?)",
                       (GROUP.format(0), i, GROUP.format(i + 4), f"m{i}", f"/dev/none/m{i}", 4 * MIB, 0))


@pytest.fixture(name="alone")
def fixture_alone(daemon):
    daemon.stop()
    add_group(daemon, 2)
    daemon.start()
    return daemon


def group_call(daemon, member, signature, *arguments, group="alone", uid=None):
    return daemon.call(f"{ROOT}/group/{group}", INTERFACE, member, signature, list(arguments), uid=uid)


@pytest.mark.parametrize("error, words, member, signature, arguments", [
    (INVALID, ["Seeded", "options here"], "AddMember", "oa{sv}", [volume("vg/a"), {"Seeded": ["b", True]}]),
    (RESOURCES, ["modprobe"], "AddMember", "oa{sv}", [volume("vg/a"), {}]),
    (NOT_FOUND, ["no member 'm7'", "Members"], "RemoveMember", "sa{sv}", ["m7", {}]),
    (FAILED, ["RemoveVolumes", "Force"], "RemoveMember", "sa{sv}", ["m1", {"RemoveVolumes": ["b", True]}]),
    (RESOURCES, ["modprobe"], "RemoveMember", "sa{sv}", ["m1", {}]),
    (RESOURCES, ["modprobe"], "RemoveMember", "sa{sv}", [GROUP.format(5), {}]),
    (INVALID, ["group", "letters"], "Rename", "sa{sv}", ["", {}]),
    (INVALID, ["group", "letters"], "Rename", "sa{sv}", ["a b", {}]),
    (RESOURCES, ["modprobe"], "Rename", "sa{sv}", ["other", {}]),
    (INVALID, ["LogVolume", "options here"], "SetSettings", "a{sv}a{sv}", [{"LogVolume": ["s", "/dev/x"]}, {}]),
    (INVALID, ["cannot shrink"], "SetSettings", "a{sv}a{sv}", [{"LogSize": ["t", MIB]}, {}]),
    (INVALID, ["2 members but there are 1"], "SetSettings", "a{sv}a{sv}", [{"MemberNames": ["as", ["x"]]}, {}]),
    (INVALID, ["given twice"], "SetSettings", "a{sv}a{sv}", [{"MemberNames": ["as", ["x", "x"]]}, {}]),
    (INVALID, ["name of a member"], "SetSettings", "a{sv}a{sv}", [{"MemberNames": ["as", ["x", "/"]]}, {}]),
    (INVALID, ["change places"], "SetSettings", "a{sv}a{sv}", [{"MemberNames": ["as", ["m1", "m0"]]}, {}]),
    (RESOURCES, ["modprobe"], "SetSettings", "a{sv}a{sv}", [{"MemberNames": ["as", ["m1", "m2"]]}, {}]),
])
def test_wrong_change(alone, error, words, member, signature, arguments):
    if alone.get(ROOT, SYSTEM, "ModuleLoaded"):
        pytest.skip("the module is loaded")
    check_error(group_call(alone, member, signature, *arguments), error, words)
    assert alone.lvm_changes() == []
    assert [m[1] for m in alone.get(f"{ROOT}/group/alone", INTERFACE, "Members")] == ["m0", "m1"]


def test_what_is_so_already_is_done(alone):
    assert group_call(alone, "Rename", "sa{sv}", "alone", {})["value"][0] == 0
    for settings in ({}, {"LogSize": ["t", 4 * MIB]}, {"MemberNames": ["as", ["m0", "m1"]]}):
        assert group_call(alone, "SetSettings", "a{sv}a{sv}", settings, {})["value"][0] == 0


def test_a_log_volume_that_lvm_does_not_extend(alone):
    check_error(group_call(alone, "SetSettings", "a{sv}a{sv}", {"LogSize": ["t", 8 * MIB]}, {}), "Unspecified", ["extended"])
    assert alone.lvm_changes() == ["lvextend -L8388608b /dev/none/log"]
    assert alone.get(f"{ROOT}/group/alone", INTERFACE, "LogSize") == 4 * MIB


def test_the_last_member_stays(daemon):
    daemon.stop()
    add_group(daemon, 1)
    daemon.start()
    check_error(group_call(daemon, "RemoveMember", "sa{sv}", "m0", {}), FAILED, ["last member", "delete"])


def test_names_are_not_taken_twice(daemon):
    daemon.stop()
    add_rows(daemon)
    daemon.start()
    check_error(group_call(daemon, "Rename", "sa{sv}", "g1", {}, group="g0"), INVALID, ["g1", "another name"])
    check_error(create(daemon, name="g0"), INVALID, ["g0", "another name"])


@pytest.mark.parametrize("member, signature, arguments, action", [
    ("AddMember", "oa{sv}", ["/", {}], "create"),
    ("RemoveMember", "sa{sv}", ["m0", {}], "destroy"),
    ("Rename", "sa{sv}", ["alone", {}], "control"),
    ("SetSettings", "a{sv}a{sv}", [{}, {}], "control"),
])
def test_who_may_change_a_group(alone, polkit, member, signature, arguments, action):
    others = {"create", "destroy", "control"} - {action}
    polkit(*(f"org.blkrepl1.{a}" for a in others))
    assert group_call(alone, member, signature, *arguments, uid=NOBODY)["error"] == "org.blkrepl1.Error.AccessDenied"
    polkit(f"org.blkrepl1.{action}")
    result = group_call(alone, member, signature, *arguments, uid=NOBODY)
    assert result.get("error") != "org.blkrepl1.Error.AccessDenied", result


def test_a_group_that_was_half_made_is_undone_at_start(daemon):
    daemon.stop()
    add_group(daemon, 2)
    with sqlite3.connect(daemon.directory / "blkrepl.db") as db:
        db.execute("INSERT INTO changes VALUES (?,?,?)", (GROUP.format(0), 0, 0))
    daemon.start()
    for _ in range(100):
        if daemon.rows() == 0:
            break
        time.sleep(0.05)
    assert daemon.value(ROOT, SYSTEM, "ListGroups")[0] == []
    assert daemon.rows() == 0
