"""The client of stranger.py: connections and sessions, written from PROTOCOL.md; the encrypted channel is that of lipc.py."""

import os
import socket
import struct

import lipc
import msgpack
from stranger_values import Reader, blob, decode, encode, fingerprint, text, u32, u64, wire_name

HELLO, WELCOME, BYE, PING, PONG = 1, 2, 3, 4, 5
CALL, CALL_BY_NAME, DESCRIBE, CANCEL, ACK = 10, 11, 12, 13, 14
COMMAND = 15
INFO, OK, ERROR, ERROR_FORWARDED = 100, 200, 400, 500
BYE_REASONS = "Done Stopping IdleHandover Superseded Disconnected Full WrongService Protocol Evicted".split()
REFUSALS = {
    0: ("UnknownMethod", ["method", "similar"]),
    1: ("SignatureMismatch", ["method", "client", "server"]),
    2: ("BadArgument", ["method", "argument", "expected", "given"]),
    3: ("BadCall", ["method", "problem", "signature"]),
    4: ("Cancelled", ["method"]),
    5: ("Stopping", ["method"]),
    6: ("Protocol", ["method", "reason"]),
    7: ("Held", ["method", "device", "holder", "address", "since_ms", "idle_ms", "reason", "ends_ms"]),
    8: ("Denied", ["method", "need", "have"]),
    9: ("RateLimited", ["method", "retry_ms"]),
    10: ("Stuck", ["method", "device", "running", "since_ms", "by"]),
    11: ("NotConnected", ["method", "device", "state"]),
    12: ("Fenced", ["method", "device", "by", "why", "ago_ms"]),
    13: ("OutOfLimits", ["method", "argument", "limit", "given", "how_to_override"]),
    14: ("Confirm", ["method", "question", "token", "within_ms"]),
}
FAULTS = ["Error", "Panic", "Unsendable", "ReplyNotKept", "Unknown"]
FEATURES = {"byes": 1, "faults": 1, "refusals": 1}
MAX_FRAME = 1 << 20
# The ciphers that this client offers under a secret.
CIPHERS = int(os.environ.get("IPC_CIPHERS", lipc.ALL))


facts = 0


def expect(given, expected):
    global facts
    facts += 1
    assert given == expected, "%r instead of %r" % (given, expected)


# Connections, sections 2, 3 and 13.


class Ended(Exception):
    """The stream has ended."""


class Plain:
    def __init__(self, sock):
        self.sock, self.early = sock, b"LIPC\1\0C\0"
        self.greeted = False

    def send(self, data):
        self.sock.sendall(self.early + data)
        self.early = b""

    def receive(self):
        data = self.sock.recv(65536)
        if not data:
            raise Ended
        return data

    def close(self):
        pass


class Sealed:
    def __init__(self, sock, secret, service):
        self.channel = lipc.Channel(sock, b"C", secret, service, CIPHERS)
        self.send, self.close = self.channel.send, self.channel.close

    def receive(self):
        try:
            data = self.channel.receive()
        except lipc.Refused:
            raise Ended from None
        if data is None:
            raise Ended
        return data


class Connection:
    def __init__(self, port, service=""):
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=20)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        secret = os.environ.get("IPC_SECRET")
        self.stream = Sealed(self.sock, secret, service) if secret else Plain(self.sock)
        self.preamble_left = 0 if secret else 8
        self.buffer = b""

    def send(self, number, payload):
        self.stream.send(u32(len(payload) + 2) + number.to_bytes(2, "little") + payload)

    def take(self, count):
        while len(self.buffer) < count:
            try:
                self.buffer += self.stream.receive()
            except ConnectionResetError:
                raise Ended from None
        part, self.buffer = self.buffer[:count], self.buffer[count:]
        return part

    def receive(self):
        """The next message, but no pings: these are answered."""
        if self.preamble_left:
            expect(self.take(8), b"LIPC\1\0S\0")
            self.preamble_left = 0
        while True:
            frame = self.take(int.from_bytes(self.take(4), "little"))
            number, reader = int.from_bytes(frame[:2], "little"), Reader(frame[2:])
            if number != PING:
                return number, reader
            self.send(PONG, reader.take(8))
            reader.end()

    def is_closed(self):
        try:
            self.take(1)
        except Ended:
            return True
        return False

    def cut(self):
        self.sock.close()


# Sessions, section 9.


class Client:
    def __init__(self, port, name="stranger", service="", features=FEATURES, role=0, later=b""):
        self.port, self.name, self.service = port, name, service
        self.features, self.role, self.later = features, role, later
        self.key, self.connections, self.last_number = None, 0, 0
        self.infos = []

    def hello(self):
        self.connection = Connection(self.port, self.service)
        self.connections += 1
        resume = b"\0" if self.key is None else b"\1" + self.key
        self.connection.send(
            HELLO,
            resume
            + u64(self.connections)
            + text(self.service)
            + text(self.name)
            + u64(MAX_FRAME)
            + u32(self.role)
            + b"\0"
            + u64(len(self.features))
            + b"".join(text(n) + u32(v) for n, v in sorted(self.features.items()))
            + self.later,
        )

    def welcome(self):
        number, reader = self.receive()
        if number == BYE:
            return self.bye_reason(reader)
        expect(number, WELCOME)
        self.key = reader.take(32)
        self.resumed = reader.flag()
        self.last_call, self.epoch, self.max_frame = (reader.number(8) for _ in range(3))
        self.epochs = {reader.text(): reader.number(8) for _ in range(reader.number(8))}
        self.offered = {reader.text(): reader.number(4) for _ in range(reader.number(8))}
        expect(list(self.offered), sorted(self.offered))
        return None

    def connect(self):
        self.hello()
        expect(self.welcome(), None)
        return self

    def receive(self):
        """The next message; infos are kept aside."""
        while True:
            number, reader = self.connection.receive()
            if number != INFO:
                return number, reader
            self.infos.append(read_info(reader))

    def bye_reason(self, reader):
        number = reader.number(4)
        self.goodbye, self.by = reader.text(), reader.text()
        return BYE_REASONS[number] if number < len(BYE_REASONS) else "Full"

    def frame(self, method, print_, arguments, number=None):
        if number is None:
            self.last_number += 1
            number = self.last_number
        return u64(number) + u64(number) + u64(0) + u64(print_) + text(method) + arguments

    def answer(self, call):
        """The result of `call`. Answers to earlier calls may come once more after a resumption, and are dropped."""
        while True:
            number, reader = self.receive()
            assert number in (OK, ERROR, ERROR_FORWARDED), number
            if reader.take(8) == call[:8]:
                break
        if number == OK:
            return reader
        raise Refused(reader) if number == ERROR else Fault(reader)

    def describe(self):
        call = self.frame("describe", 0, b"")
        self.connection.send(DESCRIBE, call)
        return unpacked(self.answer(call))

    def typed(self, method, prefix, *arguments):
        schemas = [argument["schema"] for argument in method["arguments"]]
        data = b"".join(map(encode, schemas, arguments))
        call = self.frame(wire_name(method, prefix), fingerprint(method), data)
        self.connection.send(CALL, call)
        reader = self.answer(call)
        value = decode(method["result"], reader)
        reader.end()
        return value

    def by_name(self, method, *positional, **named):
        call = self.by_name_frame(method, *positional, **named)
        self.connection.send(CALL_BY_NAME, call)
        return unpacked(self.answer(call))

    def by_name_frame(self, method, *positional, number=None, **named):
        packed = msgpack.packb({"positional": list(positional), "named": named})
        return self.frame(method, 0, blob(packed), number)

    def bye(self):
        self.connection.send(BYE, u32(0) + text("done") + text(""))
        self.connection.stream.close()
        expect(self.connection.is_closed(), True)
        self.connection.cut()


class Refused(Exception):
    def __init__(self, reader):
        self.kind, names = REFUSALS.get(reader.number(4), ("Other", ["method", "text"]))
        self.fields = {name: read_field(reader, name) for name in names}
        super().__init__(self.kind, self.fields)


class Fault(Exception):
    def __init__(self, reader):
        number = reader.number(4)
        self.kind = FAULTS[number] if number < len(FAULTS) else "Unknown"
        self.type_name, self.message, self.sources = reader.text(), reader.text(), reader.texts()
        self.value = (reader.text(), reader.blob()) if reader.flag() else None
        super().__init__(self.kind, self.message)


def read_field(reader, name):
    if name == "similar":
        return reader.texts()
    if name == "ends_ms":
        return reader.number(8) if reader.flag() else None
    return reader.number(8) if name.endswith("_ms") else reader.text()


def read_info(reader):
    kind = reader.number(4)
    if kind == 0:
        names = ["place", "waiting", "holder", "address", "held_ms", "idle_ms"]
        names += ["running", "running_ms"]
        reads = [4, 4, None, None, 8, 8, None, 8]
        info = {n: reader.number(s) if s else reader.text() for n, s in zip(names, reads)}
    elif kind == 1:
        info = {"call": reader.number(8), "fraction": struct.unpack("<d", reader.take(8))[0]}
        info["message"] = reader.text()
    elif kind == 2:
        names = ["call", "device", "place", "holder", "since_ms", "idle_ms", "reason"]
        reads = [8, None, 4, None, 8, 8, None]
        info = {n: reader.number(s) if s else reader.text() for n, s in zip(names, reads)}
    elif kind == 3:
        info = {"claim": reader.number(16), "device": reader.text(), "kind": reader.number(4)}
        info |= {"text": reader.text(), "in_ms": reader.number(8)}
    else:
        info = {}
    return info


def unpacked(reader):
    value = msgpack.unpackb(reader.blob(), strict_map_key=False)
    reader.end()
    return value
