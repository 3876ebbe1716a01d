"""A client written from PROTOCOL.md and nothing else plays all scenes against the server of tests/stranger.rs.

    python stranger.py PORT     on 127.0.0.1

With a secret in the environment variable IPC_SECRET, the connections are encrypted, by one of the ciphers of the set
IPC_CIPHERS. Prints "open" when the held method may go on, and at the end "ok" and the number of facts that were checked.
"""

import os
import sys

import msgpack
import stranger_client
from stranger_client import (
    ACK,
    CALL,
    CALL_BY_NAME,
    CANCEL,
    COMMAND,
    FEATURES,
    INFO,
    PING,
    PONG,
    Client,
    Fault,
    Refused,
    expect,
    read_info,
    unpacked,
)
from stranger_values import Reader, decode, fingerprint, u64, wire_name


def expect_error(kind, function, *arguments, **named):
    try:
        value = function(*arguments, **named)
    except (Refused, Fault) as error:
        expect(error.kind, kind)
        return error
    raise AssertionError("%r instead of %s" % (value, kind))


def scenes(port):
    methods = first_calls(port)
    numbers(port)
    loss(port, methods)
    queue(port)
    releases(port)
    sent_away(port)


def first_calls(port):
    client = Client(port).connect()
    expect((client.resumed, client.last_call), (False, 0))
    description = client.describe()
    (device,) = description["devices"]
    expect((device["prefix"], device["interface"]["name"]), ("b_", "Bench"))
    expect([f["name"] for f in description["functions"]], ["twice"])
    methods = {wire_name(m, "b_"): m for m in device["interface"]["methods"]}

    expect(client.typed(methods["b_add"], "b_", 1.5, 2.0), 3.5)
    expect(client.typed(methods["set_b_level"], "b_", 3), None)
    expect(client.typed(methods["get_b_level"], "b_"), 3)
    expect(client.typed(description["functions"][0], "", 21), 42)
    expect(client.by_name("b_add", 1.5, 2), 3.5)
    expect(client.by_name("b_add", 1, b=0.25), 1.25)
    expect(client.by_name("b_add", a=1), 2.0)
    expect(client.by_name("set_b_level", level=4), None)

    setup = {
        "label": "é",
        "volts": [0.5, -1.0],
        "triggers": ["Off", {"Level": 2.5}, {"Window": {"low": -1.0, "high": None}}, {"Pair": [1, 2]}],
        "points": {"a": [[1, 2], [3, 4]], "b": []},
        "raw": [0, 255],
        "letter": "ß",
        "wait": {"secs": 1, "nanos": 500},
        "nothing": [],
        "limit": 7.25,
        "note": None,
    }
    expect(client.typed(methods["b_echo"], "b_", setup, (1 << 127) + 1), [setup, (1 << 127) + 1])
    wide = (1 << 127) + 1
    expect(client.by_name("b_echo", setup, wide.to_bytes(16, "big")), [setup, wide.to_bytes(16, "big")])
    del setup["note"]
    setup["nothing"], setup["raw"] = None, b"\0\xff"
    misspelt = expect_error("BadArgument", client.by_name, "b_echo", setup | {"unknown": 1}, 7)
    expect((misspelt.fields["argument"], "`unknown`" in misspelt.fields["given"]), ("setup", True))
    expect(client.by_name("b_echo", setup, 7)[0]["raw"], [0, 255])

    expect(expect_error("BadArgument", client.by_name, "set_b_level", 6).fields["argument"], "level")
    expect_error("BadArgument", client.typed, methods["set_b_level"], "b_", 6)
    expect_error("BadArgument", client.by_name, "b_add", "one")
    expect_error("BadCall", client.by_name, "b_add")
    expect_error("BadCall", client.by_name, "b_add", 1, 2, 3)
    expect_error("BadCall", client.by_name, "b_add", 1, a=1)
    expect(expect_error("UnknownMethod", client.by_name, "b_ad").fields["similar"], ["b_add"])
    other = dict(methods["b_add"], result="Unit")
    expect(expect_error("SignatureMismatch", client.typed, other, "b_", 1, 2).fields["client"], "")
    fault = expect_error("Error", client.typed, methods["b_fail"], "b_", 9)
    expect((fault.type_name, fault.message), ("BenchError", "code 9"))
    expect((fault.sources, msgpack.unpackb(fault.value[1])), ([], {"Code": 9}))
    expect(expect_error("Error", client.by_name, "b_fail", 8).message, "code 8")
    expect_error("Panic", client.by_name, "b_panic")
    expect(client.by_name("b_executions"), 0)
    client.bye()
    return methods


def numbers(port):
    client = Client(port).connect()
    client.last_number = 10
    expect(client.by_name("b_add", 1), 2.0)
    late = client.by_name_frame("b_add", 1, number=9)
    client.connection.send(CALL_BY_NAME, late)
    expect_error("Protocol", client.answer, late)
    call = client.by_name_frame("b_count")
    client.connection.send(CALL_BY_NAME, call)
    first = client.answer(call).data
    client.connection.send(CALL_BY_NAME, call)
    expect(client.answer(call).data, first)
    client.connection.send(ACK, u64(client.last_number + 1))
    client.connection.send(CALL_BY_NAME, call)
    expect_error("Protocol", client.answer, call)
    client.connection.send(CANCEL, u64(1000))
    call = client.by_name_frame("b_count")
    client.connection.send(CALL_BY_NAME, call)
    again = client.answer(call).data
    expect(unpacked(Reader(again[8:])), unpacked(Reader(first[8:])) + 1)
    false = client.by_name_frame("b_add", 1, number=client.last_number)
    client.connection.send(CALL_BY_NAME, false)
    expect(client.connection.is_closed(), True)
    client.connect()
    expect((client.resumed, client.last_call), (True, client.last_number))
    client.bye()


def loss(port, methods):
    client = Client(port).connect()
    epoch = client.epoch
    call = client.frame("b_hold", fingerprint(methods["b_hold"]), b"")
    client.connection.send(CALL, call)
    number, reader = client.connection.receive()
    expect((number, read_info(reader)["message"]), (INFO, "holding"))
    client.connection.cut()
    client.hello()
    print("open", flush=True)
    expect(client.welcome(), None)
    expect((client.resumed, client.last_call, client.epoch), (True, 1, epoch))
    client.connection.send(CALL, call)
    reader = client.answer(call)
    expect(decode(methods["b_hold"]["result"], reader), "held")
    expect(client.by_name("b_executions"), 1)
    # Once more, now that the answer has come before the loss.
    client.connection.cut()
    client.connect()
    expect((client.resumed, client.last_call), (True, 2))
    client.by_name("b_add", 1)
    client.connection.cut()
    # A connection that is not newer than the last one.
    client.connections -= 1
    client.hello()
    expect(client.welcome(), "Superseded")
    client.connections += 1
    client.connect()
    client.bye()
    # The session ended with the Bye.
    client.connect()
    expect((client.resumed, client.last_call), (False, 0))
    expect(client.epoch > epoch, True)
    client.bye()


def queue(port):
    first = Client(port, "first").connect()
    second = Client(port, "second")
    second.hello()
    number, reader = second.connection.receive()
    info = read_info(reader)
    expect((number, info["place"], info["waiting"], info["holder"]), (INFO, 1, 1, "first"))
    expect((info["running"], info["running_ms"]), ("", 0))
    expect(first.by_name("b_add", 1), 2.0)
    first.bye()
    expect(second.welcome(), None)
    expect((second.resumed, second.epoch), (False, first.epoch + 1))
    second.connection.send(PING, u64(77))
    number, reader = second.receive()
    expect((number, reader.data), (PONG, u64(77)))
    second.bye()


def releases(port):
    """Clients of earlier and later releases, and what this release reserves."""
    client = Client(port, features={}).connect()
    expect(client.by_name("b_add", 1), 2.0)
    expect((client.offered, client.epochs), ({"commands": 1}, {}))
    command = client.by_name_frame("task.start", claim=(1).to_bytes(16, "big"))
    client.connection.send(COMMAND, command)
    unknown = expect_error("UnknownMethod", client.answer, command)
    expect(unknown.fields, {"method": "task.start", "similar": []})
    # The command has spent its number.
    client.connection.send(CALL_BY_NAME, command)
    expect(client.connection.is_closed(), True)
    client.connect()
    expect((client.resumed, client.last_call), (True, client.last_number))
    client.bye()
    later = Client(port, features=FEATURES | {"aaa": 7, "zzz": 1}, later=b"more").connect()
    expect(later.by_name("b_add", 1), 2.0)
    later.bye()
    for words, changes in [
        ("of which session", {"role": 2}),
        ("role number 9", {"role": 9}),
        ("257 bytes", {"name": "x" * 257}),
        ("65 bytes", {"features": {"x" * 65: 1}}),
    ]:
        client = Client(port, **changes)
        client.hello()
        expect(client.welcome(), "Protocol")
        expect(words in client.goodbye, True)
        expect(client.connection.is_closed(), True)


def sent_away(port):
    if "IPC_SECRET" in os.environ:
        # In the clear to a server with a secret: its preamble, and the end.
        secret = os.environ.pop("IPC_SECRET")
        client = Client(port)
        client.hello()
        expect(client.connection.take(8), b"LIPC\1\1S\0")
        expect(client.connection.is_closed(), True)
        os.environ["IPC_SECRET"] = secret
    else:
        client = Client(port, service="another")
        client.hello()
        expect(client.welcome(), "WrongService")
        expect(client.connection.is_closed(), True)
    client = Client(port).connect()
    client.connection.send(999, b"")
    expect(client.connection.is_closed(), True)


if __name__ == "__main__":
    scenes(int(sys.argv[1]))
    print("ok", stranger_client.facts)
