"""A manager, or a client of one, which does as its standard input says, like peer.py.

Runs on every Python from 2.7 on, with nothing but its standard library.
"""
import os
import sys
import threading
import traceback

from multiprocessing.managers import SyncManager

from peer import address_of, read_orders, tell

try:
    import queue
except ImportError:
    import Queue as queue


class Counter(object):
    """A custom type of a manager."""

    def __init__(self, start=0):
        self.count = start

    def add(self, amount, times=1):
        self.count += amount * times
        return self.count

    def fail(self, text):
        raise LookupError(text, 7)

    def pair(self):
        return self.count, {'name': u'x', 'list': [1, 2.5, None, True]}

    def lock(self):
        return threading.Lock()

    def child(self):
        return Counter(self.count)


JOBS = queue.Queue()


class Manager(SyncManager):
    pass


def get_jobs():
    return JOBS


Manager.register('Child', create_method=False)
Manager.register('Counter', Counter, method_to_typeid={'child': 'Child'})
Manager.register('get_jobs', get_jobs)


def serve(orders):
    server = Manager(address_of(orders), orders['key']).get_server()
    address = server.address
    tell('listening', str(address[1]) if isinstance(address, tuple) else '0')
    server.serve_forever()


def main():
    orders = read_orders()
    try:
        if orders['role'] == b'server':
            serve(orders)
        else:
            import manager_client
            manager_client.run(orders)
        result = 'ok'
    except Exception:
        tell('because', repr(traceback.format_exc()))
        result = sys.exc_info()[0].__name__
    tell('result', result)
    os._exit(0)


if __name__ == '__main__':
    main()
