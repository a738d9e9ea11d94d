# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every wrong parameter of CreateReplicationRelationship gets its code, its name and a remedy."""
import subprocess

import pytest

from conftest import MIB, ROOT, SYSTEM, encode, volume

SIGNATURE = "sqqosaoa{sv}saoaoa{sv}uooa{sv}"
ORDER = ["name", "sync_type", "mode", "target_system", "source_group_name", "source_elements", "source_settings",
         "target_group_name", "target_elements", "target_pools", "target_settings", "rpo", "source_group",
         "target_group", "options"]
GOOD = {"name": "r", "sync_type": 6, "mode": 2, "target_system": "/", "source_group_name": "", "source_elements": [volume("vg/a")],
        "source_settings": {}, "target_group_name": "", "target_elements": [], "target_pools": [f"{ROOT}/pool/p"],
        "target_settings": {}, "rpo": 0, "source_group": "/", "target_group": "/", "options": {}}
INVALID, NOT_SUPPORTED, NOT_FOUND = "InvalidParameter", "NotSupported", "ObjectNotFound"
FAILED, RESOURCES = "Failed", "NotEnoughResources"


def create(daemon, **changes):
    arguments = dict(GOOD, **changes)
    return daemon.call(ROOT, SYSTEM, "CreateReplicationRelationship", SIGNATURE, [arguments[k] for k in ORDER])


def refused(daemon, error, words, **changes):
    """The error, a sentence with the words, and nothing left behind."""
    result = create(daemon, **changes)
    assert result.get("error") == f"org.blkrepl1.Error.{error}", result
    for word in words:
        assert word in result["message"], result
    assert result["message"].endswith("."), result
    assert daemon.lvm_changes() == []
    assert daemon.rows() == 0
    assert daemon.value(ROOT, SYSTEM, "ListGroups")[0] == []
    assert daemon.value(ROOT, SYSTEM, "ListJobs")[0] == []


MANY = [volume(f"vg/{i}") for i in range(129)]


@pytest.mark.parametrize("error, words, changes", [
    (NOT_SUPPORTED, ["Snapshot", "6 (Mirror)"], {"sync_type": 7}),
    (NOT_SUPPORTED, ["Clone", "6 (Mirror)"], {"sync_type": 8}),
    (NOT_SUPPORTED, ["TokenizedClone", "6 (Mirror)"], {"sync_type": 9}),
    (INVALID, ["0 is no SyncType"], {"sync_type": 0}),
    (INVALID, ["65535 is no SyncType"], {"sync_type": 65535}),
    (INVALID, ["1 is no Mode"], {"mode": 1}),
    (INVALID, ["5 is no Mode"], {"mode": 5}),
    (INVALID, ["Synchronous", "RecoveryPointObjective", "give 0", "3 (Asynchronous)"], {"rpo": 1}),
    (INVALID, ["Asynchronous", "at least 1"], {"mode": 3}),
    (INVALID, ["Adaptive", "at least 1"], {"mode": 4}),
    (NOT_SUPPORTED, ["Adaptive", "2 (Synchronous)"], {"mode": 4, "rpo": 5}),
    (NOT_SUPPORTED, ["Adaptive", "give 0"], {"mode": 0, "rpo": 5}),
    (INVALID, ["relationship", "letters"], {"name": ""}),
    (INVALID, ["relationship", "letters"], {"name": "a/b"}),
    (INVALID, ["relationship", "letters"], {"name": ".a"}),
    (INVALID, ["relationship", "letters"], {"name": "x" * 64}),
    (INVALID, ["source group", "letters"], {"source_group_name": "a b"}),
    (INVALID, ["target group", "letters"], {"target_group_name": "-a"}),
    (INVALID, ["too long", "TargetReplicationGroupFriendlyName"], {"name": "x" * 60}),
    (INVALID, ["No source"], {"source_elements": []}),
    (INVALID, ["SourceGroup", "SourceStorageElements"], {"source_group": f"{ROOT}/group/g"}),
    (NOT_FOUND, ["group"], {"source_group": f"{ROOT}/group/g", "source_elements": []}),
    (INVALID, ["TargetGroup", "pool"], {"target_group": f"{ROOT}/group/g"}),
    (INVALID, ["are the same"], {"target_group": f"{ROOT}/group/g", "source_group": f"{ROOT}/group/g", "source_elements": [],
                                 "target_pools": []}),
    (INVALID, ["has a name"], {"target_group": f"{ROOT}/group/g", "target_pools": [], "target_group_name": "x"}),
    (INVALID, ["has a log volume"], {"target_group": f"{ROOT}/group/g", "target_pools": [],
                                     "target_settings": {"LogSize": ["t", 1 << 24]}}),
    (NOT_FOUND, ["group", "ListGroups"], {"target_group": f"{ROOT}/group/g", "target_pools": []}),
    (INVALID, ["LogPool", "LogVolume"], {"target_settings": {"LogVolume": ["s", "/dev/x"], "LogPool": ["o", f"{ROOT}/pool/p"]}}),
    (INVALID, ["at most 128"], {"source_elements": MANY}),
    (INVALID, ["No target"], {"target_pools": []}),
    (INVALID, ["TargetStorageElements", "pool"], {"target_elements": [volume("vg/b")]}),
    (INVALID, ["1 sources but 2 targets"], {"target_pools": [], "target_elements": [volume("vg/b"), volume("vg/c")]}),
    (INVALID, ["given twice"], {"source_elements": [volume("vg/a"), volume("vg/a")]}),
    (INVALID, ["given twice"], {"target_pools": [f"{ROOT}/pool/p", f"{ROOT}/pool/p"]}),
    (INVALID, ["both source and target"], {"target_pools": [], "target_elements": [volume("vg/a")]}),
    (INVALID, ["MemberNames"], {"source_settings": {"MemberNames": ["as", ["a", "b"]]}}),
    (INVALID, ["member", "letters"], {"source_settings": {"MemberNames": ["as", ["a/b"]]}}),
    (INVALID, ["LogVolume", "/dev"], {"source_settings": {"LogVolume": ["s", "vg/log"]}}),
    (INVALID, ["LogSize", "LogVolume"], {"target_settings": {"LogVolume": ["s", "/dev/x"], "LogSize": ["t", 1]}}),
    (INVALID, ["MemberNames", "options here"], {"target_settings": {"MemberNames": ["as", ["a"]]}}),
    (INVALID, ["'force'", "options here", "Force"], {"options": {"force": ["b", True]}}),
    (INVALID, ["Force", "type 'b'"], {"options": {"Force": ["s", "yes"]}}),
    (INVALID, ["ExpectedRevision", "options here"], {"options": {"ExpectedRevision": ["t", 1]}}),
    (INVALID, ["RecoveryMode", "automatic"], {"options": {"RecoveryMode": ["s", "never"]}}),
    (INVALID, ["LegTimeoutUSec", "longest"], {"options": {"LegTimeoutUSec": ["t", 2 ** 63]}}),
    (NOT_FOUND, ["storage system", "/org/blkrepl1/peer/local"], {"target_system": f"{ROOT}/peer/elsewhere"}),
    (NOT_FOUND, ["volume", "ListVolumes"], {}),
    (NOT_FOUND, ["volume", "ListVolumes"], {"mode": 3, "rpo": 5}),
    (INVALID, ["RecoveryPointObjective", "options here"], {"mode": 3, "rpo": 5, "options": {"RecoveryPointObjective": ["u", 5]}}),
    (NOT_FOUND, ["volume", "ListVolumes"], {"source_elements": ["/"]}),
    (NOT_FOUND, ["volume", "ListVolumes"], {"source_elements": [volume("/etc/passwd")]}),
])
def test_wrong_parameter(daemon, error, words, changes):
    refused(daemon, error, words, **changes)


@pytest.fixture(name="host")
def fixture_host(daemon, disks):
    """Sources a and b of 16 MiB and a spare disk; two pools."""
    daemon.stop()
    a, b, spare = disks.add(16 * MIB), disks.add(16 * MIB), disks.add(64 * MIB)
    daemon.add_pool("vg", 1 << 28)
    daemon.add_pool("small", 8 * MIB)
    daemon.add_lv("vg", "a", a, 16 * MIB)
    daemon.add_lv("vg", "b", b, 16 * MIB)
    daemon.start()
    daemon.a, daemon.b, daemon.spare, daemon.disks = a, b, spare, disks
    return daemon


def pool(name):
    return f"{ROOT}/pool/{encode(name)}"


def test_pool_is_not_there(host):
    refused(host, NOT_FOUND, ["pool", "ListPools"], target_pools=[pool("nothing")])


def test_pool_is_given_by_uuid_and_name(host):
    refused(host, INVALID, ["twice"], target_pools=[pool("vg"), pool("uuid-vg")])


def test_pool_is_too_small(host):
    refused(host, RESOURCES, ["no space", "vgextend"], target_pools=[pool("small")])


def test_asynchronous_mode_needs_room_for_a_journal(host):
    if host.get(ROOT, SYSTEM, "ModuleLoaded"):
        pytest.skip("the module is loaded")
    host.stop()
    host.add_pool("tight", 24 * MIB)
    host.start()
    refused(host, RESOURCES, ["modprobe blkrepl"], target_pools=[pool("tight")])
    refused(host, RESOURCES, ["no space", "vgextend"], target_pools=[pool("tight")], mode=3, rpo=30)
    # Who gives a size, or a place, wants no more.
    for settings in ({"LogSize": ["t", 4 * MIB]}, {"LogPool": ["o", pool("vg")]}):
        refused(host, RESOURCES, ["modprobe blkrepl"], target_pools=[pool("tight")], mode=3, rpo=30, target_settings=settings)


def test_log_of_a_disk_must_be_given(host):
    refused(host, INVALID, ["LogVolume", "no logical volume"], source_elements=[volume(host.spare)], target_pools=[pool("vg")])


def test_log_is_not_there(host):
    refused(host, NOT_FOUND, ["log volume"], target_pools=[pool("vg")],
            source_settings={"LogVolume": ["s", "/dev/nothing"]})


def test_log_is_too_small(host):
    tiny = host.disks.add(64 * 1024)
    refused(host, INVALID, ["larger"], target_pools=[pool("vg")], source_settings={"LogVolume": ["s", tiny]})


def test_log_is_a_member(host):
    refused(host, FAILED, ["belongs"], target_pools=[pool("vg")],
            source_settings={"LogVolume": ["s", host.a]})


def test_target_is_too_small(host):
    small = host.disks.add(15 * MIB)
    refused(host, INVALID, ["at least as large"], target_pools=[], target_elements=[volume(small)],
            target_settings={"LogVolume": ["s", host.spare]})


def test_two_names_of_the_same_volume(host):
    refused(host, FAILED, ["belongs"], source_elements=[volume("vg/a"), volume(host.a)], target_pools=[pool("vg")],
            source_settings={"MemberNames": ["as", ["x", "y"]]})


def test_two_members_of_the_same_name(host):
    refused(host, INVALID, ["MemberNames"], source_elements=[volume("vg/a"), volume(host.spare)], target_pools=[pool("vg")],
            source_settings={"MemberNames": ["as", ["x", "x"]]})


def test_source_is_mounted(host, tmp_path):
    subprocess.run(["mke2fs", "-q", "-F", host.a], check=True)
    done = subprocess.run(["mount", host.a, tmp_path], check=False)
    if done.returncode:
        pytest.skip("ext2 cannot be mounted here")
    try:
        refused(host, FAILED, ["mounted at", "umount", "/dev/blkrepl/r/a"], target_pools=[pool("vg")])
    finally:
        subprocess.run(["umount", tmp_path], check=True)


@pytest.mark.parametrize("make, word", [
    (["mke2fs", "-q", "-F"], "ext2"),
    (["mkswap", "-q"], "swap"),
])
def test_target_carries_a_signature(host, make, word):
    subprocess.run([*make, host.spare], check=True, stdout=subprocess.DEVNULL)
    refused(host, FAILED, [word, "Force"], target_pools=[], target_elements=[volume(host.spare)],
            target_settings={"LogVolume": ["s", host.disks.add(16 * MIB)]})


def test_target_carries_a_partition_table(host):
    entry = bytes([0, 0, 0, 0, 0x83, 0, 0, 0]) + (2048).to_bytes(4, "little") + (4096).to_bytes(4, "little")
    with open(host.spare, "wb") as f:
        f.write(bytes(446) + entry + bytes(48) + b"\x55\xaa")
    refused(host, FAILED, ["dos", "Force"], target_pools=[], target_elements=[volume(host.spare)],
            target_settings={"LogVolume": ["s", host.disks.add(16 * MIB)]})


def test_target_is_read_only(host):
    subprocess.run(["blockdev", "--setro", host.spare], check=True)
    try:
        refused(host, FAILED, ["read-only"], target_pools=[], target_elements=[volume(host.spare)],
                target_settings={"LogVolume": ["s", host.disks.add(16 * MIB)]})
    finally:
        subprocess.run(["blockdev", "--setrw", host.spare], check=True)


def test_good_parameters_need_the_module(host):
    """All that can be checked is checked; then the module is missing, or lvm makes nothing."""
    if host.get(ROOT, SYSTEM, "ModuleLoaded"):
        pytest.skip("the module is loaded")
    refused(host, RESOURCES, ["modprobe blkrepl"], target_pools=[pool("vg")])
    refused(host, RESOURCES, ["modprobe blkrepl"], target_pools=[pool("vg"), pool("small")], mode=0)
    refused(host, RESOURCES, ["modprobe blkrepl"], target_pools=[], target_elements=[volume(host.spare)],
            target_settings={"LogVolume": ["s", host.disks.add(16 * MIB)]},
            source_elements=[volume("vg/b")], options={"Force": ["b", True], "RateLimit": ["t", 1]})


def test_lvm_fails(daemon):
    (daemon.lvm / "state.json").write_text("{")
    result = create(daemon)
    assert result["error"] == "org.blkrepl1.Error.Unspecified"
    assert "LVM" in result["message"]
