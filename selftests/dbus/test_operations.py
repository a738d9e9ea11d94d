# SPDX-License-Identifier: LGPL-2.1-or-later
"""The daemon, the command line and the documentation tell one table of operations."""
import json
import os
import subprocess

import pytest

from conftest import BUILD, ROOT, SYSTEM, TOP

MIRROR = 6


def documented():
    """By number: the row's cells by state's name, and whether it is carried out."""
    table, columns = {}, None
    for line in (TOP / "docs" / "operations.md").read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| Operation |"):
            if columns:
                break
            columns = [cell.split(" ", 1)[1] for cell in cells[1:]]
        elif columns and line.startswith("| "):
            words = cells[0].split()
            table[int(words[1])] = (dict(zip(columns, cells[1:])), len(words) == 2)
    assert len(table) == 22 and len(columns) == 15
    return table


@pytest.fixture(name="printed")
def fixture_printed(address):
    env = dict(os.environ, DBUS_SYSTEM_BUS_ADDRESS=address)
    done = subprocess.run([BUILD / "tools" / "blkreplctl", "operations", "mirror", "--json=short"], env=env,
                          check=True, capture_output=True, text=True)
    return {row["Number"]: row for row in json.loads(done.stdout)}


def test_command_line_and_documentation(printed):
    table = documented()
    assert printed.keys() == table.keys()
    for number, (cells, carried_out) in table.items():
        assert printed[number]["CarriedOut"] == carried_out, number
        for state, cell in cells.items():
            assert printed[number][state] == cell, (number, state)


def test_daemon_and_command_line(daemon, printed):
    supported = daemon.value(ROOT, SYSTEM, "GetSupportedOperations", "qq", [MIRROR, 0])[0]
    assert [number for number, _, _ in supported] == sorted(n for n, row in printed.items() if row["CarriedOut"])
    for number, name, states in supported:
        row = printed[number]
        assert name == row["Operation"]
        cells = {key: value for key, value in row.items()
                 if key not in ("SyncType", "Number", "Operation", "CarriedOut")}
        # Columns of a copy to the source, and of what was dissolved; they belong to more than one state.
        cells = {key: value for key, value in cells.items() if key not in ("Failing back", "Restoring", "Dissolved")}
        # Mixed, of pairs that differ, has the column of Broken.
        assert ("Mixed" in states) == ("Broken" in states), name
        assert set(states) - {"Mixed"} == {state for state, cell in cells.items() if not cell.startswith("–")}, name
