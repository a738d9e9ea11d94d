# SPDX-License-Identifier: LGPL-2.1-or-later
"""The mode and the recovery-point objective of a relationship, as they are without the module."""
import sqlite3
import xml.etree.ElementTree as ElementTree

import pytest

from conftest import ROOT
from test_daemon import add_rows
from test_interface import XML, described

INTERFACE = "org.blkrepl1.Relationship"
PATH = f"{ROOT}/relationship/r"


@pytest.fixture(name="down")
def fixture_down(daemon):
    """An asynchronous relationship whose groups are down."""
    daemon.stop()
    add_rows(daemon)
    with sqlite3.connect(daemon.directory / "blkrepl.db") as db:
        db.execute("UPDATE relationships SET mode=3, rpo=30")
    daemon.start()
    return daemon


def test_introspection_equals_the_description(down):
    wanted, live = {}, {}
    for path in XML:
        wanted.update(described(ElementTree.parse(path).getroot()))
    live.update(described(ElementTree.fromstring(down.value(PATH, "org.freedesktop.DBus.Introspectable", "Introspect")[0])))
    assert live == {k: v for k, v in wanted.items() if k[0] == INTERFACE}


def test_properties_while_it_is_down(down):
    p = down.value(PATH, "org.freedesktop.DBus.Properties", "GetAll", "s", [INTERFACE])[0]
    assert (p["Mode"], p["EffectiveMode"], p["RecoveryPointObjective"], p["RpoState"]) == ("Asynchronous", "", 30, "unknown")
    assert (p["RecoveryPoint"], p["RecoveryPointAge"]) == (0, 2 ** 64 - 1)
    assert (p["RpoViolations"], p["RpoViolatedUSec"], p["RpoWorstAge"], p["RpoFigures"]) == (0, 0, 0, [])
    assert (p["BacklogBytes"], p["BacklogWrites"], p["EstimatedCatchUp"]) == (0, 0, 0)


def refused(result, error, *words):
    assert result.get("error") == f"org.blkrepl1.Error.{error}", result
    for word in words:
        assert word in result["message"], result


@pytest.mark.parametrize("mode, method, options, error, words", [
    (2, "Set", {"RecoveryPointObjective": ["u", 30]}, "InvalidParameter", ["Synchronous", "give 0", "ResetToAsync"]),
    (3, "Set", {"RecoveryPointObjective": ["u", 0]}, "InvalidParameter", ["Asynchronous", "at least 1", "ResetToSync"]),
    (3, "Set", {"RecoveryPointObjective": ["t", 5]}, "InvalidParameter", ["type 'u'"]),
    (2, "ResetToAsync", {"RecoveryPointObjective": ["u", 0]}, "InvalidParameter", ["Asynchronous", "at least 1"]),
    (3, "ResetToSync", {"RecoveryPointObjective": ["u", 0]}, "InvalidParameter", ["options here"]),
    # What is well formed gets as far as the group that is down.
    (3, "Set", {"RecoveryPointObjective": ["u", 5]}, "Failed", ["down"]),
    (2, "Set", {"RecoveryPointObjective": ["u", 0]}, "Failed", ["down"]),
    (2, "ResetToAsync", {"RecoveryPointObjective": ["u", 5]}, "Failed", ["down"]),
    (2, "ResetToAsync", {}, "Failed", ["down"]),
    (3, "ResetToSync", {}, "Failed", ["down"]),
])
def test_objective_goes_with_the_mode(down, mode, method, options, error, words):
    down.stop()
    with sqlite3.connect(down.directory / "blkrepl.db") as db:
        db.execute("UPDATE relationships SET mode=?, rpo=?", (mode, 0 if mode == 2 else 30))
    down.start()
    refused(down.call(PATH, INTERFACE, method, "a{sv}", [options]), error, *words)


def test_aspect_keeps_its_mode(down):
    down.stop()
    with sqlite3.connect(down.directory / "blkrepl.db") as db:
        db.execute("INSERT INTO aspects SELECT uuid, 1, 1, 0, 1 FROM relationships")
    down.start()

    def pair(mode, rpo):
        return down.call(ROOT, "org.blkrepl1.System", "CreateReplicationRelationship", "sqqosaoa{sv}saoaoa{sv}uooa{sv}",
                         ["again", 6, mode, "/", "", [], {}, "", [], [], {}, rpo, f"{ROOT}/group/g0", f"{ROOT}/group/g1", {}])

    for mode, rpo in ((2, 0), (3, 5)):
        refused(pair(mode, rpo), "InvalidParameter", "Asynchronous", "of 30", "Mode 0")
    for mode, rpo in ((0, 0), (3, 30)):
        refused(pair(mode, rpo), "Failed", "down")


def test_supported_operations_of_a_mode(down):
    def supported(mode):
        return down.call(ROOT, "org.blkrepl1.System", "GetSupportedOperations", "qq", [6, mode])

    assert supported(3) == supported(2) == supported(0)
    assert {17, 18} <= {number for number, _, _ in supported(3)["value"][0]}
    refused(supported(4), "NotSupported", "Adaptive", "3 (Asynchronous)")
