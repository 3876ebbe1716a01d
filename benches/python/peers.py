"""Servers and clients of Python libraries for the bench.

    peers.py serve LIBRARY KIND SIZE            prints the address, serves until standard input ends
    peers.py call LIBRARY KIND SIZE ADDRESS     prints `ready`, then answers each line of standard input with one round
"""

import json
import os
import sys
import threading
import time


def samples(size):
    import numpy

    return numpy.arange(size // 8, dtype=float) * 0.25


class Instrument:
    def __init__(self, size):
        self.reply = samples(size)

    def small(self, n):
        return float(n)

    def samples(self):
        return self.reply.copy()


def serve_kochen(size):
    from kochen.ipcutil import Server

    server = Server(Instrument(size), address="127.0.0.1", port=0)
    threading.Thread(target=server.run, kwargs={"help": False}, daemon=True).start()
    while not hasattr(server, "listener"):
        time.sleep(0.01)
    return "{}:{}".format(*server.listener.address)


def call_kochen(host, port):
    from kochen.ipcutil import Client

    client = Client(address=host, port=port)
    return client.small, client.samples


def serve_pyro5(size):
    import Pyro5.api

    @Pyro5.api.expose
    class Exposed:
        instrument = Instrument(size)

        def small(self, n):
            return self.instrument.small(n)

        # Its serialiser has no arrays.
        def samples(self):
            return self.instrument.samples().tobytes()

    daemon = Pyro5.api.Daemon(host="127.0.0.1")
    uri = daemon.register(Exposed(), "instrument")
    threading.Thread(target=daemon.requestLoop, daemon=True).start()
    return uri.location


def call_pyro5(host, port):
    import numpy
    import Pyro5.api
    import serpent

    proxy = Pyro5.api.Proxy(f"PYRO:instrument@{host}:{port}")
    return proxy.small, lambda: numpy.frombuffer(serpent.tobytes(proxy.samples()))


def serve_rpyc(size):
    import rpyc
    from rpyc.utils.server import ThreadedServer

    class Service(rpyc.Service):
        instrument = Instrument(size)
        exposed_small = instrument.small
        exposed_samples = instrument.samples

    server = ThreadedServer(
        Service(),
        hostname="127.0.0.1",
        port=0,
        protocol_config={"allow_pickle": True, "allow_all_attrs": True},
    )
    threading.Thread(target=server.start, daemon=True).start()
    return f"127.0.0.1:{server.port}"


def call_rpyc(host, port):
    import rpyc
    from rpyc.utils.classic import obtain

    connection = rpyc.connect(host, port, config={"allow_pickle": True, "sync_request_timeout": 60})
    return connection.root.small, lambda: obtain(connection.root.samples())


def serve(library, size):
    print(globals()[f"serve_{library}"](size))
    sys.stdin.read()
    os._exit(0)


def call(library, kind, size, address):
    host, port = address.rsplit(":", 1)
    small, large = globals()[f"call_{library}"](host, int(port))
    print("ready")
    for line in sys.stdin:
        ask = json.loads(line)
        end = time.perf_counter() + ask["milliseconds"] / 1000
        took = []
        while len(took) < ask["fewest"] or time.perf_counter() < end:
            if kind == "reply":
                took.append(timed(large, samples(size).tobytes(), lambda reply: reply.tobytes()))
            else:
                if kind == "paced":
                    time.sleep(0.002)
                n = len(took)
                took.append(timed(lambda: small(n), float(n), lambda reply: reply))
        took.sort()
        at = lambda percent: took[(len(took) - 1) * percent // 100] * 1e6
        print(json.dumps({"p50": at(50), "p99": at(99)}))


def timed(function, expected, comparable):
    began = time.perf_counter()
    reply = function()
    took = time.perf_counter() - began
    if comparable(reply) != expected:
        raise ValueError("the answer is wrong")
    return took


def main():
    part, library, kind, size, *address = sys.argv[1:]
    library = library.lower()
    if part == "serve":
        serve(library, int(size))
    else:
        call(library, kind, int(size), *address)


try:
    main()
except Exception as error:
    print("error:", str(error).replace("\n", " ") or type(error).__name__)
    os._exit(1)
