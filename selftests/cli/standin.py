# SPDX-License-Identifier: GPL-2.0
"""A stand-in for blkrepld, for the tests of the command line.

It offers the interfaces of daemon/dbus/*.xml, so that GDBus refuses every
reply and every signal that is not as they say, and keeps a few objects whose
answers the tests know. Calls of methods are written to a file, a JSON array a
line: member, path, arguments.
"""
import json
import pathlib
import sys

import gi
gi.require_version("Gio", "2.0")
from gi.repository import Gio, GLib  # noqa: E402

ROOT = "/org/blkrepl1"
XML = pathlib.Path(__file__).resolve().parents[2] / "daemon" / "dbus"
GIB = 1 << 30

R1 = "0f5cf0f2-6f0a-4c5c-9df0-000000000001"
R2 = "0f5cf0f2-6f0a-4c5c-9df0-000000000002"
R3 = "0f5cf0f2-6f0a-4c5c-9df0-000000000003"
ERROR = "org.blkrepl1.Error."
# The codes of the model, each with its error, for tests that want a certain one
CODES = {1: "NotSupported", 2: "Unspecified", 3: "Timeout", 4: "Failed", 5: "InvalidParameter", 8: "ObjectNotFound",
         40001: "AccessDenied", 40002: "NotEnoughResources", 40003: "CacheOutOfDate"}


def interface(name):
    text = (XML / f"org.blkrepl1.{name}.xml").read_text(encoding="utf-8")
    return Gio.DBusNodeInfo.new_for_xml(text).interfaces[0]


def encode(name):
    """As sd_bus_path_encode(3)."""
    out = ""
    for i, b in enumerate(name.encode()):
        c = chr(b)
        plain = c.isascii() and (c.isalpha() or (c.isdigit() and i > 0))
        out += c if plain else f"_{b:02x}"
    return out or "_"


def default(signature):
    if signature in ("s",):
        return ""
    if signature == "o":
        return "/"
    if signature == "b":
        return False
    if signature == "d":
        return 0.0
    if signature.startswith("a"):
        return []
    return 0


class Refusal(Exception):
    def __init__(self, name, message):
        super().__init__(message)
        self.name = name if "." in name else ERROR + name


class Object:
    def __init__(self, daemon, kind, path, **properties):
        self.daemon, self.kind, self.path = daemon, kind, path
        self.info = interface(kind)
        self.p = {i.name: default(i.signature) for i in self.info.properties}
        self.set(**properties)

    def set(self, **properties):
        for key, value in properties.items():
            assert key in self.p, f"{self.kind} has no property {key}"
            self.p[key] = value

    def change(self, **properties):
        self.set(**properties)
        changed = {k: self.variant(k) for k in properties}
        self.daemon.signal(self.path, "org.freedesktop.DBus.Properties", "PropertiesChanged",
                           GLib.Variant("(sa{sv}as)", (self.info.name, changed, [])))

    def variant(self, key):
        signature = next(i.signature for i in self.info.properties if i.name == key)
        return GLib.Variant(signature, self.p[key])

    def register(self, *paths):
        for path in (self.path, *paths):
            self.daemon.bus.register_object(
                path, self.info, self.on_call, lambda *a: self.variant(a[4]), None)

    def on_call(self, _bus, _sender, path, _interface, member, parameters, invocation):
        arguments = parameters.unpack()
        with open(self.daemon.log, "a", encoding="utf-8") as f:
            f.write(json.dumps([member, path, arguments]) + "\n")
        try:
            reply = self.daemon.call(self, member, arguments, invocation)
        except Refusal as e:
            invocation.return_dbus_error(e.name, str(e))
            return
        if reply is not None:
            out = "".join(a.signature for m in self.info.methods if m.name == member for a in m.out_args)
            invocation.return_value(GLib.Variant(f"({out})", reply) if out else None)


class Daemon:
    def __init__(self, log):
        self.log = log
        self.loop = GLib.MainLoop()
        self.waiting = []
        self.objects = []
        self.bus = Gio.bus_get_sync(Gio.BusType.SYSTEM, None)
        self.system = self.add(Object(self, "System", ROOT, Version="0.0", ModuleLoaded=True))
        group = ROOT + "/group/" + encode("00000000-0000-0000-0000-00000000000")
        self.pool = self.add(Object(self, "Pool", ROOT + "/pool/p1", Name="vg1", UUID="p1", Size=8 * GIB,
                                    Free=3 * GIB, VolumeCount=2))
        self.volume = self.add(Object(self, "Volume", ROOT + "/volume/" + encode("vg0/data"), Name="vg0/data",
                                      Device="/dev/vg0/data", Size=2 * GIB, Usage="free"))
        self.source = self.add(Object(self, "Group", group + "1", Name="g1", Role="source", State="up",
                                      Members=[(0, "data", "/dev/vg0/data", "/dev/blkrepl/g1/data", 2 * GIB,
                                                self.volume.path)], Size=2 * GIB), "g1")
        self.target = self.add(Object(self, "Group", group + "2", Name="g1-copy", Role="target", State="up",
                                      Size=2 * GIB), "g1-copy")
        # Down, for the target serves; down by itself; failed
        self.add(Object(self, "Group", group + "3", Name="g 2", Role="source", State="down", Reason="its target serves",
                        Size=2 * GIB))
        self.add(Object(self, "Group", group + "4", Name="g4", Role="none", State="down", Reason="Stopped on request."))
        self.add(Object(self, "Group", group + "5", Name="g2-copy", Role="target", State="failed", Reason="no log volume"))
        self.r1 = self.add(Object(
            self, "Relationship", ROOT + "/relationship/" + encode(R1), UUID=R1, Name="r1", SyncType="Mirror",
            Mode="Synchronous", EffectiveMode="Synchronous", CopyState="Synchronized", ConsistencyState="Consistent", SourceGroupName="g1",
            TargetGroupName="g1-copy", SourceAccess="read-write", TargetAccess="read-only", PercentSynced=100.0, BytesTotal=2 * GIB, Revision=5, LegTimeoutUSec=5000000,
            RecoveryPoint=1704103200000000,
            LegalOperations=["deactivate", "suspend", "detach!"], Reason="the copy is complete"), "r1")
        self.r2 = self.add(Object(
            self, "Relationship", ROOT + "/relationship/" + encode(R2), UUID=R2, Name="r2", SyncType="Mirror",
            Mode="Asynchronous", EffectiveMode="Synchronous", RecoveryPointObjective=30, RecoveryPointAge=61500000,
            RpoState="exceeded", BacklogWrites=12, EstimatedCatchUp=11000000, CopyState="Unsynchronized", ConsistencyState="Inconsistent", SourceGroupName="g 2",
            TargetGroupName="g2-copy", SourceAccess="none", TargetAccess="read-write", ProgressStatus="Failing back",
            RpoFigures=[(60, 60, 100, 200, 300, 400)], RpoViolatedUSec=90000000, RpoViolations=2, RpoWorstAge=61000000,
            PercentSynced=42.5, BacklogBytes=GIB, BytesTotal=2 * GIB, Revision=2, CopyDone=GIB, CopyTotal=2 * GIB,
            Rate=100 << 20, LegalOperations=["abort", "detach!"], Reason="its changes are copied back"), "r2")
        self.aspect = self.add(Object(
            self, "SynchronizationAspect", ROOT + "/aspect/" + encode(R3), UUID=R3, Name="r3", SourceGroupName="g4",
            TargetGroupName="g5", SyncType="Mirror", WhenPointInTime=1704103200000000, Generation=3, Digest="ab" * 32,
            Consistent=True, SourceBytesChanged=GIB, Expires=1704189600000000), "r3")
        self.pair = self.add(Object(
            self, "SyncPair", ROOT + "/pair/x1", UUID="x1", Name="data", Relationship=self.r1.path,
            SourceDevice="/dev/vg0/data", TargetDevice="/dev/vg1/g1-data", CopyState="Synchronized", LegState="up",
            Size=2 * GIB, PercentSynced=100.0))
        self.job = self.add(Object(
            self, "Job", ROOT + "/job/_7", Id=7, Type="create", State="running", Phase="copying",
            RelationshipName="r2", Relationship=self.r2.path, Progress=0.425, BytesDone=GIB, BytesTotal=2 * GIB,
            Rate=100 << 20, Cancelable=True))
        # sd-bus says so of every path without an object; GDBus does not.
        for kind in ("Relationship", "Group"):
            Object(self, kind, f"{ROOT}/{kind.lower()}/nobody").register()

    def add(self, o, *names):
        parent = o.path.rsplit("/", 1)[0]
        o.register(*(parent + "/" + encode(n) for n in names))
        self.objects.append(o)
        return o

    def signal(self, path, iface, member, value):
        self.bus.emit_signal(None, path, iface, member, value)

    def event(self, o, name, **details):
        details = {k: GLib.Variant("s", v) for k, v in dict(details, Name=o.p["Name"]).items()}
        self.signal(ROOT, "org.blkrepl1.System", "Event", GLib.Variant("(osa{sv})", (o.path, name, details)))

    def of(self, kind):
        return [o for o in self.objects if o.kind == kind]

    def lookup(self, kind, key):
        for o in self.of(kind):
            if key in (str(o.p[k]) for k in ("UUID", "Name", "Device", "Id") if k in o.p):
                return o
        raise Refusal("ObjectNotFound", f'there is no {kind.lower()} "{key}"')

    def describe(self):
        everything = {"Version": "0.0"}
        for name, kind in (("Groups", "Group"), ("Relationships", "Relationship"),
                           ("Aspects", "SynchronizationAspect"), ("Pairs", "SyncPair"),
                           ("Volumes", "Volume"), ("Pools", "Pool"), ("Peers", "Peer"), ("Jobs", "Job")):
            everything[name] = [dict(o.p, Path=o.path) for o in self.of(kind)]
        return json.dumps(everything)

    def call(self, o, member, a, invocation):
        if o.path.endswith("/nobody"):
            raise Refusal("org.freedesktop.DBus.Error.UnknownObject", f"Unknown object '{o.path}'.")
        handler = getattr(self, f"{o.kind.lower()}_{member}", None) or getattr(self, f"{o.kind.lower()}_any")
        if handler.__name__.endswith("_any"):
            return handler(o, member, a)
        return handler(o, a, invocation)

    # .System

    def system_any(self, _o, member, a):
        if member.startswith("Get"):
            kind = {"Pair": "SyncPair", "Aspect": "SynchronizationAspect"}.get(member[3:], member[3:])
            return (self.lookup(kind, a[0]).path,)
        raise Refusal("NotSupported", f"the stand-in has no {member}")

    def system_Describe(self, _o, _a, _i):
        return (self.describe(),)

    def system_ListRelationships(self, _o, _a, _i):
        keys = ("UUID", "Name", "SourceGroupName", "TargetGroupName", "Mode", "CopyState", "ConsistencyState",
                "PercentSynced", "BacklogBytes")
        return ([tuple(o.p[k] for k in keys) + (o.path,) for o in self.of("Relationship")],)

    def system_ListGroups(self, _o, _a, _i):
        return ([("u", o.p["Name"], o.p["Role"], o.p["State"], 1, o.p["Size"], o.path) for o in self.of("Group")],)

    def system_ListAspects(self, _o, _a, _i):
        keys = ("UUID", "Name", "SourceGroupName", "TargetGroupName", "WhenPointInTime", "Consistent",
                "SourceBytesChanged", "TargetBytesChanged", "Expires")
        return ([tuple(o.p[k] for k in keys) + (o.path,) for o in self.of("SynchronizationAspect")],)

    def system_ListPairs(self, _o, _a, _i):
        keys = ("SourceDevice", "TargetDevice", "CopyState", "LegState", "BacklogBytes")
        return ([(o.p["UUID"], "r1") + tuple(o.p[k] for k in keys) + (o.path,) for o in self.of("SyncPair")],)

    def system_ListVolumes(self, _o, _a, _i):
        return ([(o.p["Name"], o.p["Device"], "vg0", "", o.p["Usage"], o.p["Size"], o.path)
                 for o in self.of("Volume")],)

    def system_ListPools(self, _o, _a, _i):
        return ([(o.p["UUID"], o.p["Name"], o.p["Size"], o.p["Free"], o.p["VolumeCount"], o.path)
                 for o in self.of("Pool")],)

    def system_ListPeers(self, _o, _a, _i):
        return ([],)

    def system_ListJobs(self, _o, _a, _i):
        return ([(o.p["Id"], o.p["Type"], "r2", o.p["State"], o.p["Phase"], o.p["Progress"], o.path)
                 for o in self.of("Job")],)

    def system_CreateReplicationRelationship(self, _o, a, _i):
        if a[2] == 4:
            raise Refusal("NotSupported", "mode Adaptive is not offered by this version; use Synchronous")
        if a[0] == "taken":
            raise Refusal("InvalidParameter", "there is a relationship \"taken\" already; choose another name")
        if a[0] == "full":
            raise Refusal("NotEnoughResources", "vg1 has 1G free, 2G are needed")
        return (4096, self.r2.path, self.source.path, self.target.path, "/", self.job.path, {})

    # .Relationship

    def relationship_any(self, o, member, a):
        options = a[-1]
        if member == "Unprepare":
            raise Refusal(CODES[options.get("ExpectedRevision", 1)], "as the test wants it")
        if options.get("ExpectedRevision", o.p["Revision"]) != o.p["Revision"]:
            raise Refusal("CacheOutOfDate", f"the revision is {o.p['Revision']}; read it again")
        if member == "Suspend":
            o.change(CopyState="Suspended", Revision=o.p["Revision"] + 1)
            return (0, "/", {"CopyState": GLib.Variant("s", "Suspended")})
        if member == "Resume":
            o.change(CopyState="Unsynchronized")
            GLib.timeout_add(300, self.finish_job)
            return (4096, self.job.path, {})
        if member == "Activate":
            raise Refusal("Failed", "Activate is refused in state Suspended; legal: Resume, Detach")
        if member == "Detach" and not options.get("Force"):
            raise Refusal("Failed", "Detach in state Unsynchronized needs Force")
        if member == "Detach":
            return (0, "/", {"Message": GLib.Variant("s", "the relationship has ended")})
        if member == "Dissolve":
            return (0, "/", {"Message": GLib.Variant("s", "the point in time is remembered")})
        if member == "Abort":
            raise Refusal("org.freedesktop.DBus.Error.AccessDenied", "not authorized")
        if member == "Deactivate":
            raise Refusal("Unspecified", "input/output error")
        if member == "Failover":
            o.change(CopyState="Failedover")
            self.event(o, "state", Reason="as it was asked for")
            self.pool.change(Free=2 * GIB)
            self.system.change(ModuleLoaded=False)
            return (0, "/", {"Code": GLib.Variant("u", 0), "Name": GLib.Variant("s", "Done"),
                             "CopyState": GLib.Variant("s", "Failedover"), "Revision": GLib.Variant("t", 6),
                             "SomethingNew": GLib.Variant("u", 5),
                             "Pairs": GLib.Variant("ao", [self.pair.path]),
                             "Snapshots": GLib.Variant("as", ["vg1/a.before", "vg1/b.before"]),
                             "RecoveryPoint": GLib.Variant("t", 1704103200000000),
                             "RecoveryPointAge": GLib.Variant("t", 95000123),
                             "LegalOperations": GLib.Variant("as", ["failback", "reverse-roles", "detach!"])})
        if member == "RemoveSyncPair":
            return (0, "/", {"Pairs": GLib.Variant("ao", a[0])})
        raise Refusal("NotSupported", f"this version does not offer {member}")

    def relationship_Set(self, o, a, _i):
        for key, value in a[0].items():
            if key != "ExpectedRevision":
                o.change(**{key: value})
        return (0, "/", {"Message": GLib.Variant("s", "settings changed")})

    def relationship_WaitState(self, o, a, invocation):
        numbers = {"Unsynchronized": 3, "Synchronized": 4, "Suspended": 9}
        if numbers[o.p["CopyState"]] == a[0]:
            return ()
        if a[1]:
            GLib.timeout_add(a[1] // 1000, lambda: invocation.return_dbus_error(
                ERROR + "Timeout", f"{o.p['Name']} is {o.p['CopyState']} still"))
        return None

    # .Group

    def system_CreateReplicationGroup(self, _o, a, _i):
        return (0, self.source.path, {"Message": GLib.Variant("s", f"the group {a[0]} is made")})

    def group_any(self, _o, member, _a):
        if member == "Stop":
            raise Refusal("Failed", "/dev/blkrepl/g1/data is open; unmount it first")
        return (0, "/", {"Message": GLib.Variant("s", f"{member} is done")})

    # .SynchronizationAspect

    def synchronizationaspect_any(self, _o, member, _a):
        return (0, "/", {"Message": GLib.Variant("s", f"{member} is done")})

    # .Job

    def job_Cancel(self, _o, _a, _i):
        GLib.idle_add(self.finish_job, "canceled", 2, "canceled by the user")
        return ()

    def job_Wait(self, o, _a, invocation):
        if o.p["State"] == "running":
            self.waiting.append(invocation)
            return None
        return (o.p["State"], o.p["Code"], o.p["Message"])

    def finish_job(self, result="done", code=0, message=""):
        self.job.change(State=result, Code=code, Message=message, Progress=1.0)
        self.signal(ROOT, "org.blkrepl1.System", "JobRemoved",
                    GLib.Variant("(tosis)", (7, self.job.path, result, code, message)))
        for invocation in self.waiting:
            invocation.return_value(GLib.Variant("(sis)", (result, code, message)))
        self.waiting.clear()
        return False


def main():
    daemon = Daemon(sys.argv[1])
    Gio.bus_own_name_on_connection(daemon.bus, "org.blkrepl1", Gio.BusNameOwnerFlags.NONE,
                                   lambda *_: print("ready", flush=True), lambda *_: sys.exit("no name"))
    daemon.loop.run()


if __name__ == "__main__":
    main()
