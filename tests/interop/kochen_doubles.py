"""How often kochen runs a call whose link is cut after it has run and before it is answered.

    pip install kochen==0.2026.11
    python kochen_doubles.py [CALLS]

Starts a server and, in front of it, a link that is cut once for each call, as soon as the driver has noted that it
runs. Prints one line: how many calls were made, and how often the driver ran. Needs nothing but kochen.
"""

import multiprocessing
import os
import socket
import sys
import tempfile
import threading
import time

LATENCY_S = 0.05


class Bench:
    """A driver that notes each run before it answers."""

    def __init__(self, ledger):
        self.ledger = ledger

    def step(self, token):
        with open(self.ledger, "a") as file:
            file.write(f"{token}\n")
        time.sleep(LATENCY_S)
        return token


def serve(ledger, port):
    from kochen.ipcutil import Server

    Server(Bench(ledger), address="127.0.0.1", port=port).run(help=False)


class Link:
    """Passes connections on, until it is told to cut them."""

    def __init__(self, target):
        self.target = target
        self.open = []
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            client, _ = self.listener.accept()
            try:
                server = socket.create_connection(self.target)
            except OSError:
                client.close()
                continue
            with self.lock:
                self.open.append((client, server))
            for ends in ((client, server), (server, client)):
                threading.Thread(target=self.pump, args=ends, daemon=True).start()

    @staticmethod
    def pump(source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def cut(self):
        with self.lock:
            cut, self.open = self.open, []
        for ends in cut:
            for end in ends:
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass


def runs(ledger):
    with open(ledger) as file:
        return file.read().split()


def cut_each_call_once(ledger, link, over):
    seen = set()
    while not over.is_set():
        fresh = set(runs(ledger)) - seen
        if fresh:
            seen |= fresh
            link.cut()
        time.sleep(0.001)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def wait_for_server(port):
    """Until somebody listens, without connecting: a connection that says nothing would have the server to itself."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        with open("/proc/net/tcp") as table:
            if any(f":{port:04X} 00000000:0000 0A" in line for line in table):
                return
        time.sleep(0.01)
    sys.exit("the server does not start")


def main():
    calls = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    from kochen.ipcutil import Client

    handle, ledger = tempfile.mkstemp()
    os.close(handle)
    port = free_port()
    server = multiprocessing.Process(target=serve, args=(ledger, port), daemon=True)
    server.start()
    wait_for_server(port)
    link = Link(("127.0.0.1", port))
    over = threading.Event()
    cutter = threading.Thread(target=cut_each_call_once, args=(ledger, link, over))
    cutter.start()
    client = Client(address="127.0.0.1", port=link.port)
    answers = [client.step(token) for token in range(calls)]
    over.set()
    cutter.join()
    right = sum(answer == token for token, answer in enumerate(answers))
    print(f"kochen: {calls} calls, {right} right answers, {len(runs(ledger))} executions")
    server.terminate()
    os.remove(ledger)


if __name__ == "__main__":
    main()
