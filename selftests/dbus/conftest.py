# SPDX-License-Identifier: LGPL-2.1-or-later
"""The real daemon on a private bus, with polkit and LVM replaced by stand-ins."""
import json
import os
import pathlib
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time

import pytest

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parents[1]
BUILD = pathlib.Path(os.environ.get("BLKREPL_BUILD", TOP / "build" / "user"))
NOBODY = 65534
ROOT = "/org/blkrepl1"
SYSTEM = "org.blkrepl1.System"
MIB = 1 << 20

BUS_CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><listen>unix:path={}/bus</listen><auth>EXTERNAL</auth>
<policy context="default"><allow user="*"/><allow own="*"/><allow send_destination="*"/>
<allow receive_sender="*"/></policy></busconfig>"""


def encode(text):
    """One element of an object path, as sd_bus_path_encode(3) writes it."""
    out = ""
    for i, c in enumerate(text.encode()):
        plain = chr(c).isalnum() and c < 128 and not (i == 0 and chr(c).isdigit())
        out += chr(c) if plain else f"_{c:02x}"
    return out or "_"


def volume(name):
    return f"{ROOT}/volume/{encode(name)}"


class Disks:
    """Loop devices over sparse files."""

    def __init__(self, directory):
        self.directory = directory
        self.devices = []

    def add(self, size):
        path = self.directory / f"disk{len(self.devices)}"
        with open(path, "wb") as f:
            f.truncate(size)
        device = subprocess.run(["losetup", "-f", "--show", path], check=True,
                                capture_output=True, text=True).stdout.strip()
        self.devices.append(device)
        # A loop device keeps the flag from whoever had it before.
        subprocess.run(["blockdev", "--setrw", device], check=True)
        return device

    def remove_all(self):
        for device in self.devices:
            subprocess.run(["losetup", "-d", device], check=True)


class Daemon:
    def __init__(self, directory, address):
        self.directory = directory
        self.address = address
        self.lvm = directory / "lvm"
        self.lvm.mkdir()
        self.set_lvm([], [])
        self.process = None

    def set_lvm(self, vgs, lvs):
        (self.lvm / "state.json").write_text(json.dumps({"vgs": vgs, "lvs": lvs}))

    def add_pool(self, name, free):
        state = json.loads((self.lvm / "state.json").read_text())
        state["vgs"].append({"vg_uuid": f"uuid-{name}", "vg_name": name, "vg_size": str(1 << 30),
                             "vg_free": str(free), "vg_extent_size": str(4 * MIB)})
        self.set_lvm(state["vgs"], state["lvs"])

    def add_lv(self, vg, name, path, size, tags=""):
        state = json.loads((self.lvm / "state.json").read_text())
        state["lvs"].append({"lv_uuid": f"uuid-{name}", "lv_name": name, "vg_name": vg, "lv_path": path,
                             "lv_size": str(size), "lv_attr": "-wi-a-----", "lv_tags": tags})
        self.set_lvm(state["vgs"], state["lvs"])

    def start(self):
        env = dict(os.environ, DBUS_SYSTEM_BUS_ADDRESS=self.address, FAKE_LVM=str(self.lvm),
                   STATE_DIRECTORY=str(self.directory), RUNTIME_DIRECTORY=str(self.directory),
                   PATH=f"{HERE}/bin:{os.environ['PATH']}")
        self.log = open(self.directory / "log", "ab")
        self.process = subprocess.Popen([BUILD / "daemon" / "blkrepld"], env=env, stderr=self.log)
        for _ in range(200):
            if "value" in self.call(ROOT, "org.freedesktop.DBus.Peer", "Ping"):
                return
            assert self.process.poll() is None, "the daemon ended"
            time.sleep(0.05)
        raise AssertionError("the daemon does not answer")

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        status = self.process.wait(30)
        self.log.close()
        assert status == (0 if how == signal.SIGTERM else -how), (self.directory / "log").read_text()

    def calls(self, calls, uid=None):
        request = {"address": self.address, "uid": uid, "calls": calls}
        done = subprocess.run(["/usr/bin/python3", HERE / "caller.py"], input=json.dumps(request), text=True,
                              stdout=subprocess.PIPE, check=True, timeout=120)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def call(self, path, interface, member, signature="", arguments=(), uid=None):
        return self.calls([[path, interface, member, signature, list(arguments)]], uid)[0]

    def value(self, *args, **kwargs):
        result = self.call(*args, **kwargs)
        assert "value" in result, result
        return result["value"]

    def get(self, path, interface, name):
        return self.value(path, "org.freedesktop.DBus.Properties", "Get", "ss", [interface, name])[0]

    def lvm_changes(self):
        calls = self.lvm / "calls"
        return calls.read_text().splitlines() if calls.exists() else []

    def rows(self):
        with sqlite3.connect(f"file:{self.directory}/blkrepl.db?mode=ro", uri=True) as db:
            return sum(db.execute(f"SELECT count(*) FROM {t}").fetchone()[0]
                       for t in ("groups", "members", "relationships", "intents", "operations", "tombstones"))


@pytest.fixture(name="directory")
def fixture_directory():
    # Short, for the socket's path, and open to other users.
    path = pathlib.Path(tempfile.mkdtemp(prefix="blkrepl-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture(name="address")
def fixture_address(directory):
    config = directory / "bus.conf"
    config.write_text(BUS_CONFIG.format(directory))
    with subprocess.Popen(["dbus-daemon", f"--config-file={config}", "--nofork", "--print-address=1"],
                          stdout=subprocess.PIPE, text=True) as bus:
        yield bus.stdout.readline().strip()
        bus.terminate()


@pytest.fixture(name="daemon")
def fixture_daemon(directory, address):
    d = Daemon(directory, address)
    d.start()
    yield d
    if d.process.poll() is None:
        d.stop()


@pytest.fixture(name="polkit")
def fixture_polkit(address):
    """polkit that allows nothing; set_allowed() changes that."""
    env = dict(os.environ, DBUS_SYSTEM_BUS_ADDRESS=address)
    with subprocess.Popen(["/usr/bin/python3", "-m", "dbusmock", "--template", "polkitd"], env=env,
                          stdout=subprocess.DEVNULL) as mock:
        def busctl(*words):
            return subprocess.run(["busctl", "--address=" + address, *words], capture_output=True,
                                  text=True, check=False)

        for _ in range(200):
            if busctl("status", "org.freedesktop.PolicyKit1").returncode == 0:
                break
            time.sleep(0.05)

        def set_allowed(*actions):
            done = busctl("call", "org.freedesktop.PolicyKit1", "/org/freedesktop/PolicyKit1/Authority",
                          "org.freedesktop.DBus.Mock", "SetAllowed", "as", str(len(actions)), *actions)
            assert done.returncode == 0, done.stderr

        set_allowed()
        yield set_allowed
        mock.terminate()


@pytest.fixture(name="disks")
def fixture_disks(directory):
    if os.geteuid() != 0 or not os.path.exists("/dev/loop-control"):
        pytest.skip("needs root and loop devices")
    d = Disks(directory)
    yield d
    d.remove_all()
