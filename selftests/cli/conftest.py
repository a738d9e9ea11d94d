# SPDX-License-Identifier: GPL-2.0
"""A private bus with the stand-in on it, new for each test; and blkreplctl."""
import json
import os
import pathlib
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
BUILD = pathlib.Path(os.environ.get("BLKREPL_BUILD", HERE.parents[1] / "build" / "user"))


class Ctl:
    def __init__(self, address, log, daemon_pid=None):
        self.log = log
        self.daemon_pid = daemon_pid
        self.env = dict(os.environ, DBUS_SYSTEM_BUS_ADDRESS=address, LC_ALL="C.UTF-8", TZ="UTC")
        self.program = str(BUILD / "tools" / "blkreplctl")

    def __call__(self, *args, timeout=30):
        return subprocess.run([self.program, *args], env=self.env, timeout=timeout, check=False,
                              capture_output=True, text=True)

    def start(self, *args):
        return subprocess.Popen([self.program, *args], env=self.env, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def calls(self, *members):
        """What the stand-in was asked, without the look-ups."""
        with open(self.log, encoding="utf-8") as f:
            calls = [json.loads(line) for line in f]
        return [c for c in calls if c[0] in members]


@pytest.fixture(name="bus_address")
def fixture_bus_address(tmp_path):
    config = tmp_path / "bus.conf"
    config.write_text(f"""<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><listen>unix:path={tmp_path}/bus</listen><auth>EXTERNAL</auth>
<policy context="default"><allow user="*"/><allow own="*"/><allow send_destination="*"/>
<allow eavesdrop="true"/></policy></busconfig>""")
    with subprocess.Popen(["dbus-daemon", f"--config-file={config}", "--nofork", "--print-address=1"],
                          stdout=subprocess.PIPE, text=True) as bus:
        yield bus.stdout.readline().strip()
        bus.terminate()


@pytest.fixture(name="daemonless")
def fixture_daemonless(bus_address, tmp_path):
    return Ctl(bus_address, tmp_path / "calls")


@pytest.fixture(name="ctl")
def fixture_ctl(bus_address, tmp_path):
    log = tmp_path / "calls"
    log.touch()
    env = dict(os.environ, DBUS_SYSTEM_BUS_ADDRESS=bus_address)
    with subprocess.Popen([sys.executable, str(HERE / "standin.py"), str(log)], env=env,
                          stdout=subprocess.PIPE, text=True) as daemon:
        assert daemon.stdout.readline() == "ready\n"
        yield Ctl(bus_address, log, daemon.pid)
        daemon.terminate()
