"""The encrypted channel of lipc/1, written from its description and not from the Rust code.

The group comes from libsodium (rbcl), the ciphers from python-cryptography, the rest is below.

    python lipc.py vectors lipc1.json                 reproduce the frozen vectors
    python lipc.py client PORT RECORDS NAME CIPHERS   connect to 127.0.0.1:PORT, send records, check their echo
    python lipc.py server RECORDS NAME CIPHERS        accept on a free port of 127.0.0.1 (printed), echo records

NAME is the service name, CIPHERS the set of ciphers of this end as a number. The secret is read from the environment
variable IPC_SECRET. Ends with "ok", or with the exit status 3 and the reason if the channel fails.
"""

import hashlib
import hmac
import json
import os
import random
import socket
import sys
import unicodedata

import rbcl
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

SUITE = b"lipc/1 CPACE-RISTR255-SHA512 HKDF-SHA512"
CHACHA20_POLY1305, AES_256_GCM = 1, 2
CIPHERS = {CHACHA20_POLY1305: ChaCha20Poly1305, AES_256_GCM: AESGCM}
ALL = CHACHA20_POLY1305 | AES_256_GCM
DATA, CLOSE = 0, 1
MAX_DATA = 65535 - 16 - 1


class Refused(Exception):
    """The channel fails; the peer is told nothing."""


def sha512(*parts):
    return hashlib.sha512(b"".join(parts)).digest()


def hmac_sha512(key, *parts):
    return hmac.new(key, b"".join(parts), hashlib.sha512).digest()


def leb128(number):
    digits = []
    while True:
        number, digit = number >> 7, number & 127
        if number == 0:
            return bytes(digits + [digit])
        digits.append(digit | 128)


def lv(*parts):
    return b"".join(leb128(len(part)) + part for part in parts)


def channel_identifier(service):
    return lv(SUITE, service.encode())


def generator(secret, service):
    prs = unicodedata.normalize("NFC", secret).encode()
    start = lv(b"CPaceRistretto255", prs)
    padding = bytes(max(0, 128 - 1 - len(start)))
    text = start + lv(padding, channel_identifier(service), b"")
    return rbcl.crypto_core_ristretto255_from_hash(sha512(text))


class Handshake:
    """One end: `role` is b"C" or b"S", `ciphers` the set of its ciphers."""

    def __init__(self, role, secret, service, nonce, seed, ciphers):
        self.role, self.ciphers, self.nonce = role, ciphers, nonce
        self.scalar = rbcl.crypto_core_ristretto255_scalar_reduce(seed)
        self.share = rbcl.crypto_scalarmult_ristretto255(self.scalar, generator(secret, service))
        if role == b"C":
            self.message = self.first_message(ciphers)

    def first_message(self, ciphers):
        return b"LIPC\x01\x01" + self.role + bytes([ciphers]) + self.nonce + self.share

    def agree(self, theirs):
        expected = b"LIPC\x01\x01" + (b"S" if self.role == b"C" else b"C")
        if self.role == b"C":
            agreed = [cipher for cipher in CIPHERS if self.ciphers & cipher and theirs[7] == cipher]
        else:
            # A client may offer more than this end knows.
            agreed = [cipher for cipher in CIPHERS if self.ciphers & theirs[7] & cipher]
        if theirs[:7] != expected or not agreed:
            raise Refused("preamble %r instead of %r" % (theirs[:8], expected))
        self.cipher = max(agreed)
        if self.role == b"S":
            self.message = self.first_message(self.cipher)
        if not rbcl.crypto_core_ristretto255_is_valid_point(theirs[24:]):
            raise Refused("invalid share")
        m1, m2 = (self.message, theirs) if self.role == b"C" else (theirs, self.message)
        self.k = rbcl.crypto_scalarmult_ristretto255(self.scalar, theirs[24:])
        self.isk = sha512(
            lv(b"CPaceRistretto255_ISK", b"", self.k, m1[24:], m1[:24], m2[24:], m2[:24])
        )
        self.mac_key = sha512(b"CPaceMac", b"", self.isk)
        self.ta = hmac_sha512(self.mac_key, lv(m1[24:], m1[:24]))
        self.tb = hmac_sha512(self.mac_key, lv(m2[24:], m2[:24]))
        prk = hmac_sha512(sha512(m1, m2, self.ta, self.tb), self.isk)
        self.c2s, self.s2c, self.exporter = (
            hmac_sha512(prk, b"lipc/1 " + label, b"\x01")[:32]
            for label in (b"c2s", b"s2c", b"exporter")
        )
        self.ticket = hmac_sha512(self.exporter, b"lipc/1 ticket")[:16]


class Direction:
    """The records of one direction."""

    def __init__(self, cipher, key):
        self.aead = CIPHERS[cipher](key)
        self.number = 0

    def nonce(self):
        number, self.number = self.number, self.number + 1
        return bytes(4) + number.to_bytes(8, "little")

    def seal(self, kind, data=b""):
        sealed = self.aead.encrypt(self.nonce(), bytes([kind]) + data, b"")
        return len(sealed).to_bytes(2, "little") + sealed

    def open(self, sealed):
        try:
            text = self.aead.decrypt(self.nonce(), sealed, b"")
        except InvalidTag:
            raise Refused("record %d does not open" % (self.number - 1)) from None
        return text[0], text[1:]


class Channel:
    """A connected socket after the handshake."""

    def __init__(self, sock, role, secret, service, ciphers=ALL):
        self.sock = sock
        own = Handshake(role, secret, service, os.urandom(16), os.urandom(64), ciphers)
        if role == b"C":
            sock.sendall(own.message)
            own.agree(self.read(56))
            sock.sendall(own.ta)
            if not hmac.compare_digest(self.read(64), own.tb):
                raise Refused("wrong proof of the server")
            self.out, self.back = Direction(own.cipher, own.c2s), Direction(own.cipher, own.s2c)
        else:
            theirs = self.read(56)
            own.agree(theirs)
            sock.sendall(own.message)
            if not hmac.compare_digest(self.read(64), own.ta):
                raise Refused("wrong proof of the client")
            sock.sendall(own.tb)
            self.out, self.back = Direction(own.cipher, own.s2c), Direction(own.cipher, own.c2s)

    def read(self, size):
        data = b""
        while len(data) < size:
            part = self.sock.recv(size - len(data))
            if not part:
                raise Refused("the connection ended after %d of %d bytes" % (len(data), size))
            data += part
        return data

    def send(self, data):
        for start in range(0, len(data), MAX_DATA):
            self.sock.sendall(self.out.seal(DATA, data[start : start + MAX_DATA]))

    def close(self):
        self.sock.sendall(self.out.seal(CLOSE))

    def receive(self):
        """The data of the next record, or None for the close."""
        length = int.from_bytes(self.read(2), "little")
        if length < 17:
            raise Refused("a record of %d bytes" % length)
        kind, data = self.back.open(self.read(length))
        if kind == CLOSE and data == b"":
            return None
        if kind != DATA:
            raise Refused("a record of type %d" % kind)
        return data


def act_as_client(port, records, service, ciphers, secret):
    draw = random.Random(1)
    with socket.create_connection(("127.0.0.1", port), timeout=20) as sock:
        channel = Channel(sock, b"C", secret, service, ciphers)
        for i in range(records):
            data = draw.randbytes(MAX_DATA if i % 250 == 0 else draw.randrange(1, 500))
            channel.send(data)
            echo = b""
            while len(echo) < len(data):
                echo += channel.receive()
            if echo != data:
                raise Refused("record %d comes back changed" % i)
        channel.close()
        if channel.receive() is not None:
            raise Refused("data instead of the close")


def act_as_server(records, service, ciphers, secret):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(listener.getsockname()[1], flush=True)
        listener.settimeout(20)
        sock, _ = listener.accept()
        with sock:
            sock.settimeout(20)
            channel = Channel(sock, b"S", secret, service, ciphers)
            received = 0
            while (data := channel.receive()) is not None:
                received += 1
                channel.send(data)
            channel.close()
            if received != records:
                raise Refused("%d records instead of %d" % (received, records))


def reproduce(path):
    """Compares every value of every case; gives how many."""
    compared = 0
    with open(path, encoding="utf-8") as file:
        cases = json.load(file)
    for case in cases:
        ends = [
            Handshake(
                role,
                case["secret"],
                case["service"],
                bytes.fromhex(case[name + "_nonce"]),
                bytes.fromhex(case[name + "_scalar_seed"]),
                case["ciphers"][0],
            )
            for role, name in ((b"C", "client"), (b"S", "server"))
        ]
        ends[1].agree(ends[0].message)
        ends[0].agree(ends[1].message)
        for end in ends:
            if end.cipher != case["ciphers"][1]:
                raise Refused("%s: the cipher is %d" % (case["name"], end.cipher))
            values = {
                "ci": channel_identifier(case["service"]),
                "m1": ends[0].message,
                "m2": ends[1].message,
                "k": end.k,
                "isk": end.isk,
                "mac_key": end.mac_key,
                "ta": end.ta,
                "tb": end.tb,
                "k_c2s": end.c2s,
                "k_s2c": end.s2c,
                "exporter": end.exporter,
                "ticket": end.ticket,
            }
            for name, value in values.items():
                compared += 1
                if value.hex() != case[name]:
                    raise Refused("%s: %s is %s" % (case["name"], name, value.hex()))
        for name, key in (("c2s", ends[0].c2s), ("s2c", ends[0].s2c)):
            sealing, opening = Direction(end.cipher, key), Direction(end.cipher, key)
            for record in case[name]:
                kind, data = record["type"], bytes.fromhex(record["data"])
                sealed = sealing.seal(kind, data)
                compared += 1
                if sealed.hex() != record["record"] or opening.open(sealed[2:]) != (kind, data):
                    raise Refused("%s: a record of %s differs" % (case["name"], name))
    return compared


def main(verb, *arguments):
    secret = os.environ.get("IPC_SECRET", "")
    if verb == "vectors":
        print("ok", reproduce(arguments[0]))
    elif verb == "client":
        act_as_client(int(arguments[0]), int(arguments[1]), arguments[2], int(arguments[3]), secret)
        print("ok", arguments[1])
    elif verb == "server":
        act_as_server(int(arguments[0]), arguments[1], int(arguments[2]), secret)
        print("ok", arguments[0])
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    try:
        main(*(sys.argv[1:] or ["help"]))
    except Refused as reason:
        print("refused:", reason)
        sys.exit(3)
