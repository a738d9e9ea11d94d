# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the daemon shows on the bus is what the descriptions say, and who may do what."""
import xml.etree.ElementTree as ElementTree

import pytest

from conftest import NOBODY, ROOT, SYSTEM, TOP

XML = sorted((TOP / "daemon" / "dbus").glob("org.blkrepl1.*.xml"))
EMITS = "org.freedesktop.DBus.Property.EmitsChangedSignal"
READING = {"GetSupportedOperations", "Describe", "WaitState", "Wait"}


def described(node):
    """{(interface, kind, member): details}"""
    found = {}
    for interface in node.iter("interface"):
        name = interface.get("name")
        if not name.startswith("org.blkrepl1."):
            continue
        for member in interface:
            if member.tag in ("method", "signal"):
                default = "in" if member.tag == "method" else "out"
                found[name, member.tag, member.get("name")] = [
                    (a.get("name"), a.get("type"), a.get("direction", default)) for a in member.iter("arg")]
            elif member.tag == "property":
                emits = [a.get("value") for a in member.iter("annotation") if a.get("name") == EMITS]
                found[name, member.tag, member.get("name")] = (
                    member.get("type"), member.get("access"), emits[0] if emits else "true")
    return found


def test_introspection_equals_the_descriptions(daemon):
    wanted, live = {}, {}
    for path in XML:
        wanted.update(described(ElementTree.parse(path).getroot()))
    # An object of a class need not exist: the fallback answers for the prefix when asked below it.
    paths = [ROOT] + [daemon.value(ROOT, SYSTEM, "ListPeers")[0][0][-1]]
    for path in paths:
        xml = daemon.value(path, "org.freedesktop.DBus.Introspectable", "Introspect")[0]
        live.update(described(ElementTree.fromstring(xml)))
    assert {k[0] for k in live} == {"org.blkrepl1.System", "org.blkrepl1.Peer"}
    assert live == {k: v for k, v in wanted.items() if k[0] in ("org.blkrepl1.System", "org.blkrepl1.Peer")}


def test_introspection_of_volumes_and_pools(daemon, disks):
    daemon.stop()
    daemon.add_pool("vg0", 1 << 29)
    daemon.start()
    device = disks.add(8 << 20)
    wanted = {}
    for path in XML:
        wanted.update(described(ElementTree.parse(path).getroot()))
    paths = {"org.blkrepl1.Volume": daemon.value(ROOT, SYSTEM, "GetVolume", "s", [device])[0],
             "org.blkrepl1.Pool": daemon.value(ROOT, SYSTEM, "GetPool", "s", ["vg0"])[0]}
    for interface, path in paths.items():
        xml = daemon.value(path, "org.freedesktop.DBus.Introspectable", "Introspect")[0]
        live = described(ElementTree.fromstring(xml))
        assert live == {k: v for k, v in wanted.items() if k[0] == interface}


def test_who_is_not_authorized_changes_nothing(daemon, polkit):
    """Every method of an object that is there and that changes something asks polkit."""
    arguments = {"s": "x", "q": 6, "u": 0, "o": "/", "ao": [], "a{sv}": {}, "t": 0}
    calls, names = [], []
    for path in XML:
        for interface in ElementTree.parse(path).getroot().iter("interface"):
            if interface.get("name") != SYSTEM:
                continue
            for method in interface.iter("method"):
                name = method.get("name")
                if name in READING or name.startswith(("List", "Get")):
                    continue
                types = [a.get("type") for a in method.iter("arg") if a.get("direction") == "in"]
                calls.append([ROOT, SYSTEM, name, "".join(types), [arguments[t] for t in types]])
                names.append(name)
    assert names == ["CreateReplicationRelationship", "CreateReplicationGroup"]
    for result in daemon.calls(calls, NOBODY):
        assert result["error"] == "org.blkrepl1.Error.AccessDenied", result
        assert "org.blkrepl1." in result["message"]
    assert daemon.rows() == 0


def test_who_is_authorized_gets_on(daemon, polkit):
    call = [ROOT, SYSTEM, "CreateReplicationRelationship", "sqqosaoa{sv}saoaoa{sv}uooa{sv}",
            ["r", 6, 2, "/", "", [], {}, "", [], [], {}, 0, "/", "/", {}]]
    assert daemon.calls([call], NOBODY)[0]["error"] == "org.blkrepl1.Error.AccessDenied"
    polkit("org.blkrepl1.create")
    assert daemon.calls([call], NOBODY)[0]["error"] == "org.blkrepl1.Error.InvalidParameter"
    polkit("org.blkrepl1.control")
    assert daemon.calls([call], NOBODY)[0]["error"] == "org.blkrepl1.Error.AccessDenied"


def test_without_polkit_root_alone_may(daemon):
    call = [ROOT, SYSTEM, "CreateReplicationRelationship", "sqqosaoa{sv}saoaoa{sv}uooa{sv}",
            ["r", 6, 2, "/", "", [], {}, "", [], [], {}, 0, "/", "/", {}]]
    assert daemon.calls([call], NOBODY)[0]["error"] == "org.blkrepl1.Error.AccessDenied"
    assert daemon.calls([call])[0]["error"] == "org.blkrepl1.Error.InvalidParameter"


def test_everyone_may_read(daemon):
    lists = ["Groups", "Relationships", "Aspects", "Pairs", "Volumes", "Pools", "Peers", "Jobs"]
    results = daemon.calls([[ROOT, SYSTEM, f"List{n}", "", []] for n in lists] +
                           [[ROOT, SYSTEM, "Describe", "", []]], NOBODY)
    assert all("value" in r for r in results), results


@pytest.mark.parametrize("method", ["GetGroup", "GetRelationship", "GetAspect", "GetPair", "GetVolume", "GetPool", "GetPeer", "GetJob"])
@pytest.mark.parametrize("name", ["", "nothing", "../x", "/dev/nothing", "00000000-0000-0000-0000-000000000000", "vg/"])
def test_what_is_not_there_is_not_found(daemon, method, name):
    result = daemon.call(ROOT, SYSTEM, method, "s", [name])
    assert result.get("error") == "org.blkrepl1.Error.ObjectNotFound", result


def test_log_level(daemon):
    path, interface = "/org/freedesktop/LogControl1", "org.freedesktop.LogControl1"
    assert daemon.get(path, interface, "LogLevel") == "info"
    assert daemon.get(path, interface, "SyslogIdentifier") == "blkrepld"
