# SPDX-License-Identifier: GPL-2.0
"""A guest as QEMU runs it: its devices, its state file, its control socket."""

import ctypes
import glob
import json
import mmap
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

# The scratch disks of every guest, by their serials d0, d1, ...
DISKS = ("4G", "4G", "4G", "4G", "1G", "1G")
MEMORY = "1G"
CPU = "qemu64"
SMP = 2
PAYLOAD_SIZE = "256M"
RESULTS_SIZE = "256M"
COMMAND_LINE = (
    "console=ttyS0 panic=-1 mitigations=off no_timer_check tsc=reliable random.trust_cpu=on "
    "net.ifnames=0 quiet loglevel=4 sysrq_always_enabled watchdog_thresh=60 "
    "rcupdate.rcu_cpu_stall_timeout=60 log_buf_len=4M printk.devkmsg=on slab_nomerge "
    "systemd.show_status=0")


def sparse(path, size):
    """Makes a sparse file, or grows one; an existing file is never cut."""
    units = {"K": 10, "M": 20, "G": 30}
    size = int(size[:-1]) << units[size[-1]] if size[-1] in units else int(size)
    with open(path, "ab") as file:
        if file.tell() > size:
            raise ValueError(f"{path}: larger than the guest's disk of {size} bytes")
        file.truncate(size)
    return path


def file_drive(path, cache="unsafe", readonly=False):
    """The source of a disk that is a file. unsafe: for what dies with the run."""
    options = f"file={path},format=raw,file.locking=off"
    return options + (",readonly=on" if readonly else f",cache={cache},discard=unmap")


def nbd_drive(address):
    """The source of a disk that an NBD server gives: SOCKET:EXPORT."""
    path, _, export = address.rpartition(":")
    return (f"driver=raw,file.driver=nbd,file.server.type=unix,file.server.path={path},"
            f"file.export={export},cache=writeback,discard=unmap")


def die_with_parent():
    """A killed harness leaves no QEMU behind."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


def new_directory():
    """For the files of one machine. What a killed harness left is removed."""
    base = os.path.join(tempfile.gettempdir(), "blkrepl-vm.")
    for path in glob.glob(base + "*"):
        owner = path[len(base):].split(".")[0]
        if not os.path.exists(f"/proc/{owner}"):
            shutil.rmtree(path, ignore_errors=True)
    return tempfile.mkdtemp(prefix=f"{base}{os.getpid()}.")


class Qmp:
    """The machine's control socket."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(60)
        self.socket.connect(path)
        self.file = self.socket.makefile("rw")
        self.file.readline()
        self("qmp_capabilities")

    def __call__(self, command, **arguments):
        request = {"execute": command}
        if arguments:
            request["arguments"] = arguments
        self.file.write(json.dumps(request) + "\n")
        self.file.flush()
        while True:
            line = self.file.readline()
            if not line:
                raise ConnectionError("QEMU closed its control socket")
            reply = json.loads(line)
            if "error" in reply:
                raise RuntimeError(f"{command}: {reply['error']['desc']}")
            if "return" in reply:
                return reply["return"]

    def close(self):
        self.file.close()
        self.socket.close()


def tsc_khz():
    """The frequency of this machine's time stamp counter, which an emulated guest sees too.
    On a busy machine a guest that measures it may be wrong tenfold, and its clock with it."""
    code = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    code.write(b"\x0f\x31\x48\xc1\xe2\x20\x48\x09\xd0\xc3")     # rdtsc; rdx:rax to rax
    rdtsc = ctypes.CFUNCTYPE(ctypes.c_uint64)(ctypes.addressof(ctypes.c_char.from_buffer(code)))

    def now():
        return min(((time.monotonic_ns() - begin, ticks, begin) for begin, ticks in
                    ((time.monotonic_ns(), rdtsc()) for _ in range(20))))[1:]

    ticks, begin = now()
    time.sleep(0.2)
    ticks_after, end = now()
    return (ticks_after - ticks) * 1000000 // (end - begin)


class Machine:
    """One QEMU process."""

    def __init__(self, kernel, root, accel):
        self.kernel, self.root = kernel, root
        self.directory = new_directory()
        self.cpu, self.smp, self.memory = CPU, SMP, MEMORY
        self.accel = f"-accel {'tcg,thread=multi' if accel == 'tcg' else accel}"
        self.payload = self.path("payload")
        self.results = self.path("results")
        self.disks = {}
        self.state_disk = None
        self.netdev = "hubport,hubid=0"
        self.append = ""
        self.process = None

    def path(self, name):
        return os.path.join(self.directory, name)

    def deterministic(self):
        """Time counted in instructions: the same figures in every run."""
        self.accel = "-accel tcg,thread=single -icount shift=1,sleep=off"
        self.smp = 1

    def clock(self):
        return f"tsc_early_khz={tsc_khz()}" if self.accel.startswith("-accel tcg,thread=multi") else ""

    def drives(self):
        yield "root", file_drive(f"{self.root}/root.erofs", readonly=True)
        yield "modules", file_drive(f"{self.kernel}/modules.erofs", readonly=True)
        yield "payload", file_drive(self.payload, readonly=True)
        yield "results", file_drive(sparse(self.results, RESULTS_SIZE))
        for index, size in enumerate(DISKS):
            name = f"d{index}"
            yield name, self.disks.get(index) or file_drive(sparse(self.path(name), size))
        if self.state_disk:
            yield "state", file_drive(self.state_disk, cache="writeback")

    def arguments(self):
        args = ["qemu-system-x86_64", "-machine", "q35,vmport=off", *self.accel.split(),
                "-cpu", self.cpu, "-smp", str(self.smp), "-m", self.memory,
                "-display", "none", "-no-reboot", "-nodefaults", "-no-user-config",
                "-kernel", f"{self.kernel}/vmlinux", "-initrd", f"{self.kernel}/initrd.img",
                "-append", f"{COMMAND_LINE} guest.last={'state' if self.state_disk else 'd5'}"
                           f" {self.clock()} {self.append}"]
        for name, source in self.drives():
            args += ["-drive", f"if=none,id={name},{source}",
                     "-device", f"virtio-blk-pci,drive={name},serial={name}"]
        args += ["-netdev", f"{self.netdev},id=n0",
                 "-device", "virtio-net-pci,netdev=n0,romfile="]
        args += ["-chardev", f"socket,id=console,path={self.path('console.sock')},server=on,"
                             f"wait=off,logfile={self.path('console')}",
                 "-serial", "chardev:console"]
        args += ["-chardev", f"pipe,id=port,path={self.path('port')}", "-serial", "chardev:port"]
        args += ["-qmp", f"unix:{self.path('qmp')},server=on,wait=off"]
        return args

    def start(self, incoming=None):
        """Boots, or goes on from a state file. Gives the port's two descriptors."""
        sparse(self.payload, PAYLOAD_SIZE)
        for end in ("in", "out"):
            os.mkfifo(self.path(f"port.{end}"))
        port = (os.open(self.path("port.out"), os.O_RDWR | os.O_NONBLOCK),
                os.open(self.path("port.in"), os.O_RDWR))
        args = self.arguments()
        if incoming:
            args += ["-incoming", f"exec:cat '{incoming}'"]
        with open(self.path("qemu.log"), "wb") as log:
            self.process = subprocess.Popen(args, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            start_new_session=True,
                                            preexec_fn=die_with_parent)
        return port

    def qmp(self):
        return Qmp(self.path("qmp"))

    def console(self):
        with open(self.path("console"), "rb") as file:
            return file.read().decode(errors="replace").replace("\r", "")

    def running(self):
        return self.process is not None and self.process.poll() is None

    def save(self, path):
        """Writes the machine's state to a file and ends it."""
        qmp = self.qmp()
        qmp("migrate-set-parameters", **{"max-bandwidth": 8 << 30})
        qmp("migrate", uri=f"exec:cat >'{path}'")
        while (status := qmp("query-migrate"))["status"] not in ("completed", "failed"):
            time.sleep(0.05)
        if status["status"] == "failed":
            raise RuntimeError(f"saving the guest: {status}")
        qmp("quit")
        self.process.wait(30)

    def stacks(self, seconds=20):
        """Asks the kernel for the state of all tasks; they land in the console's log."""
        qmp = self.qmp()
        console = socket.socket(socket.AF_UNIX)
        console.connect(self.path("console.sock"))
        console.settimeout(1)
        for key in b"9tl":
            qmp("chardev-send-break", id="console")
            console.send(bytes([key]))
            time.sleep(0.5)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                if not console.recv(65536):
                    break
            except TimeoutError:
                break
        console.close()
        qmp.close()

    def kill(self):
        if self.running():
            self.process.kill()
        if self.process:
            self.process.wait()

    def remove(self):
        self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)
