#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes calls on a bus and prints the results, a line of JSON for each.

On standard input: {"address", "uid", "calls": [[path, interface, member,
signature, arguments]...]}. A result is {"value"} or {"error", "message"}. Runs
as another user where uid is given.
"""
import json
import os
import sys

from gi.repository import Gio, GLib


def call(bus, path, interface, member, signature, arguments):
    try:
        reply = bus.call_sync("org.blkrepl1", path, interface, member,
                              variant(signature, arguments), None, Gio.DBusCallFlags.NONE, 20000, None)
        return {"value": reply.unpack()}
    except GLib.Error as e:
        name = Gio.DBusError.get_remote_error(e)
        return {"error": name, "message": e.message.removeprefix(f"GDBus.Error:{name}: ")}


def typed(value):
    """["s", "text"] in a dictionary of options is a variant."""
    if isinstance(value, dict):
        return {k: GLib.Variant(v[0], v[1]) for k, v in value.items()}
    return value


def variant(signature, arguments):
    return GLib.Variant(f"({signature})", tuple(typed(a) for a in arguments))


def main():
    request = json.load(sys.stdin)
    if request.get("uid") is not None:
        os.setgroups([])
        os.setgid(request["uid"])
        os.setuid(request["uid"])
    bus = Gio.DBusConnection.new_for_address_sync(
        request["address"],
        Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION,
        None, None)
    for item in request["calls"]:
        print(json.dumps(call(bus, *item)), flush=True)


main()
