"""A manager, or a client that puts into a queue or gets from it: clients.py ROLE PATH [COUNT]."""
import sys

from multiprocessing.managers import SyncManager

try:
    import queue
except ImportError:
    import Queue as queue

KEY = b'a key that both sides hold'
ITEM = {'job': 7, 'name': 'resize', 'sizes': [64, 128], 'path': '/var/lib/images/7.png'}
JOBS = queue.Queue()


def get_jobs():
    return JOBS


class Manager(SyncManager):
    pass


def serve(path):
    Manager.register('get_jobs', get_jobs)
    server = Manager(path, KEY).get_server()
    print('listening')
    sys.stdout.flush()
    server.serve_forever()


def move(role, path, count):
    Manager.register('get_jobs')
    manager = Manager(path, KEY)
    manager.connect()
    jobs = manager.get_jobs()
    jobs.qsize()
    print('ready')
    sys.stdout.flush()
    sys.stdin.readline()
    for _ in range(count):
        if role != 'get':
            jobs.put(ITEM)
        if role != 'put' and jobs.get() != ITEM:
            sys.exit('another item')
    print('done')
    sys.stdout.flush()


if __name__ == '__main__':
    if sys.argv[1] == 'serve':
        serve(sys.argv[2])
    else:
        move(sys.argv[1], sys.argv[2], int(sys.argv[3]))
