"""Connects to a listener, and answers objects whose large buffers are beside the pickle.

Orders as those of peer.py: `host` and `port`, `key`. Each object is a dict with a name and an array of
NumPy, which is sent back doubled, by the convention of mpconn-pickle, until `None` comes.
"""
import pickle
import sys
from binascii import unhexlify
from multiprocessing.connection import Client


def main():
    orders = {}
    for line in iter(sys.stdin.readline, '\n'):
        name, value = line.rstrip('\n').split(' ')
        orders[name] = unhexlify(value)
    address = orders['host'].decode(), int(orders['port'])
    connection = Client(address, authkey=orders['key'])
    while True:
        value = pickle.loads(connection.recv_bytes(), buffers=iter(connection.recv_bytes, None))
        if value is None:
            break
        value['array'] = value['array'] * 2
        buffers = []
        connection.send_bytes(pickle.dumps(value, protocol=5, buffer_callback=buffers.append))
        for buffer in buffers: connection.send_bytes(buffer.raw())
        print(len(buffers))
        sys.stdout.flush()
    connection.close()


main()
