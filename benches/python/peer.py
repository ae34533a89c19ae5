"""One end in Python: peer.rs says what is expected of it."""
import sys
import time
from multiprocessing.connection import Client, Listener, wait

KEY = b'both ends of the benchmark know this'
FILLER = b'\x5a'


def main():
    does, role, *arguments, address = sys.argv[1:]
    if does == 'crowd':
        serve_crowd(int(arguments[0]), address)
        return
    shape, size, _ = arguments
    if not address.startswith('/'):
        host, port = address.split(':')
        address = host, int(port)
    shape = SHAPES[shape](int(size))
    {'server': serve, 'client': call}[role](shape, address)


def serve(shape, address):
    with Listener(address, backlog=128, authkey=shape.key) as listener:
        say(address if isinstance(address, str) else '%s:%d' % listener.address)
        if shape.key is None:
            without_delay(connection := listener.accept())
        else:
            connection = listener
        for count in orders():
            shape.serve(connection, count)
            say(0)


def serve_crowd(connections, address):
    with Listener(address, backlog=128) as listener:
        say(address)
        crowd = [listener.accept() for _ in range(connections)]
        while True:
            for connection in wait(crowd):
                connection.send_bytes(connection.recv_bytes())


def call(shape, address):
    if shape.key is None:
        without_delay(connection := Client(address))
    else:
        connection = address
    for count in orders():
        start = time.perf_counter_ns()
        shape.call(connection, count)
        say(time.perf_counter_ns() - start)


def without_delay(connection):
    import os
    import socket
    with socket.socket(fileno=os.dup(connection.fileno())) as sock:
        if sock.family == socket.AF_INET:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def orders():
    for line in sys.stdin:
        yield int(line)


def say(value):
    print(value, flush=True)


class PingPong:
    key = None

    def __init__(self, size):
        self.message = FILLER * size

    def serve(self, connection, count):
        for _ in range(count):
            self.check(connection.recv_bytes())
            connection.send_bytes(self.message)

    def call(self, connection, count):
        for _ in range(count):
            connection.send_bytes(self.message)
            self.check(connection.recv_bytes())

    def check(self, received):
        if len(received) != len(self.message):
            raise AssertionError(len(received))


class OneWay(PingPong):
    def serve(self, connection, count):
        for _ in range(count):
            self.check(connection.recv_bytes())
        connection.send_bytes(FILLER)

    def call(self, connection, count):
        for _ in range(count):
            connection.send_bytes(self.message)
        connection.recv_bytes()


class Handshake(PingPong):
    key = KEY

    def serve(self, listener, count):
        for _ in range(count):
            listener.accept().close()

    def call(self, address, count):
        for _ in range(count):
            Client(address, authkey=KEY).close()


# Python has no call that sends many at once.
SHAPES = {'ping-pong': PingPong, 'one-way': OneWay, 'batched': OneWay, 'handshake': Handshake}

if __name__ == '__main__':
    main()
