# SPDX-License-Identifier: GPL-2.0
"""The manual page, the completion, the help and the D-Bus reference tell the same."""
import pathlib
import re
import subprocess
import sys

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture(name="help_text")
def fixture_help_text(daemonless):
    r = daemonless("--help")
    assert r.returncode == 0
    return r.stdout


def commands(help_text):
    lines = help_text.split("Commands:\n")[1].split("\n\n")[0].splitlines()
    found = [re.match(r"  ((?:[a-z-]+ )?[a-z-]+) ", line)[1] for line in lines]
    assert len(found) > 40
    return [f.split() for f in found]


def options(help_text):
    found = set(re.findall(r"--[a-z-]+", help_text))
    assert len(found) > 25
    return found


def complete(ctl, *words):
    """What bash offers for the last word."""
    program = pathlib.Path(ctl.program)
    script = f"""
        PATH={program.parent}:$PATH
        . {TOP}/tools/blkreplctl.bash
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE="$*" COMP_POINT=${{#COMP_LINE}}
        _blkreplctl 2>/dev/null
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    r = subprocess.run(["bash", "-c", script, "bash", "blkreplctl", *words], env=ctl.env, check=True,
                       capture_output=True, text=True)
    return set(r.stdout.split())


def test_manual_has_every_command_and_option(help_text):
    page = (TOP / "docs" / "man" / "blkreplctl.1.scd").read_text(encoding="utf-8")
    for command in commands(help_text):
        words = " ".join(command)
        assert f"*{words}*" in page or f"*{command[-1]}*" in page, words
    for option in options(help_text):
        assert f"*{option}*" in page, option


def test_manual_has_every_state(daemonless):
    page = (TOP / "docs" / "man" / "blkrepl.7.scd").read_text(encoding="utf-8")
    states = complete(daemonless, "wait", "r1", "")
    assert set(re.findall(r" \*([A-Z][a-z]+)\* \(\d+\)", page)) == {state.capitalize() for state in states}


def test_completion_has_every_command(daemonless, help_text):
    alone = {c[0] for c in commands(help_text) if len(c) == 1}
    nouns = complete(daemonless, "")
    assert nouns == {c[0] for c in commands(help_text)}
    for noun in nouns - alone:
        assert complete(daemonless, noun, "") == {c[1] for c in commands(help_text) if c[0] == noun and len(c) > 1}


def test_completion_has_the_options_that_a_command_takes(daemonless, help_text):
    seen, refused = set(), 0
    for command in commands(help_text):
        offered = {o.rstrip("=") for o in complete(daemonless, *command, "--")}
        seen |= offered
        assert offered <= options(help_text)
        if command not in (["status"], ["relationship", "create"], ["relationship", "suspend"], ["group", "stop"]):
            continue
        for option in sorted(options(help_text) - offered):
            argument = {"--wait": "=4", "--keep-snapshot": "", "--timeout": "=1s"}.get(option, "=1")
            for word in (option, option + argument):
                r = daemonless(*command, *["x"] * (command != ["status"]), word)
                assert r.returncode == 2
                refused += f"{option} means nothing to: blkreplctl {' '.join(command)}" in r.stderr
    assert seen == options(help_text)
    assert refused > 30


def test_completion_asks_the_daemon(ctl):
    assert complete(ctl, "relationship", "suspend", "") == {"r1", "r2"}
    assert complete(ctl, "relationship", "suspend", "r1", "r") == {"r1", "r2"}
    assert complete(ctl, "relationship", "create", "") == set()
    assert complete(ctl, "group", "stop", "g1-") == {"g1-copy"}
    assert complete(ctl, "group", "remove-member", "g1", "") == {"data"}
    assert complete(ctl, "group", "remove-member", "g1", "data", "") == set()
    assert complete(ctl, "group", "add-member", "g1", "") == {"vg0/data"}
    assert complete(ctl, "group", "set", "g1", "l") == {"log-size="}
    assert complete(ctl, "pair", "show", "") == {"x1"}
    assert complete(ctl, "relationship", "remove-sync-pair", "r1", "") == {"x1"}
    assert complete(ctl, "wait", "") == {"r1", "r2"}
    assert complete(ctl, "job", "wait", "") == {"7"}
    assert complete(ctl, "-q", "--timeout", "=", "5s", "job", "wait", "") == {"7"}
    # Names of another host are not known here.
    assert complete(ctl, "-H", "elsewhere", "relationship", "suspend", "") == set()


def test_completion_of_values(ctl):
    states = complete(ctl, "wait", "r1", "")
    assert len(states) == 13 and {"synchronized", "failedover", "skewed"} <= states
    assert complete(ctl, "relationship", "failover", "r1", "--wait", "=") == states
    assert complete(ctl, "relationship", "failover", "r1", "--wait", "=", "sync") == {"synchronized"}
    assert complete(ctl, "relationship", "failover", "r1", "--wait", "r") == {"r1", "r2"}
    assert complete(ctl, "relationship", "failover", "--keep-snapshot", "=", "n") == {"no"}
    assert complete(ctl, "relationship", "failover", "--", "r") == {"r1", "r2"}
    assert complete(ctl, "operations", "") == {"Mirror", "Snapshot", "Clone", "TokenizedClone"}
    assert complete(ctl, "relationship", "set", "r1", "le") == {"leg-timeout="}
    assert complete(ctl, "relationship", "set", "r1", "leg-timeout", "=", "5s", "rate") == {"rate-limit="}
    assert complete(ctl, "relationship", "set", "r1", "recovery-mode", "=") == {"automatic", "manual"}
    assert complete(ctl, "relationship", "create", "x", "--target-pool", "=", "v") == {"vg1"}
    assert complete(ctl, "relationship", "create", "x", "--target-pool", "=", "vg1", "--source", "") == {"vg0/data"}
    assert complete(ctl, "status", "--json", "=", "") == {"pretty", "short", "off"}
    for odd in (("",), ("-", ""), ("", "", ""), ("=",), ("--", "="), ("--=", ""), ("-H",), ("nonsense", "nonsense", "")):
        complete(ctl, *odd)
    # Files are the shell's affair.
    assert complete(ctl, "relationship", "create", "x", "--source-log", "=", str(TOP / "READ")) == {str(TOP / "README.md")}


WITH_TABLES = (TOP / "docs" / "operations.md", TOP / "docs" / "man" / "blkreplctl.1.scd")


def doc_tables(ctl, *args):
    program = pathlib.Path(ctl.program).parent / "doc-tables"
    return subprocess.run([program, *args], check=False, capture_output=True, text=True)


def test_reference_is_not_stale():
    subprocess.run([sys.executable, str(TOP / "tools" / "dbus-doc"), "--check"], check=True)


def test_tables_are_not_stale(daemonless):
    r = doc_tables(daemonless, "--check", *WITH_TABLES)
    assert (r.returncode, r.stderr) == (0, "")


@pytest.mark.parametrize("page", WITH_TABLES)
def test_stale_table_is_found_and_made_anew(daemonless, page, tmp_path):
    good = page.read_text(encoding="utf-8")
    copy = tmp_path / page.name
    for old, new in (("Failed", "Fooled"), ("AccessDenied", "")):
        assert old in good
        copy.write_text(good.replace(old, new), encoding="utf-8")
        r = doc_tables(daemonless, "--check", copy)
        assert r.returncode == 1 and "is stale; run: make docs" in r.stderr
        assert doc_tables(daemonless, copy).returncode == 0
        assert "AccessDenied" in copy.read_text(encoding="utf-8")
    # Without a block, or with one that does not end, there is nothing to check.
    for text in ("nothing", good[:good.rindex(" end ")]):
        copy.write_text(text, encoding="utf-8")
        assert doc_tables(daemonless, "--check", copy).returncode == 1
