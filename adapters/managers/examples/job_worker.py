"""A worker of job_queue.rs: job_worker.py ADDRESS, with the key on its standard input."""
import binascii
import sys

from multiprocessing.managers import BaseManager


class Manager(BaseManager):
    pass


Manager.register('get_jobs')
Manager.register('get_results')


def main():
    address = sys.argv[1]
    if address.startswith('tcp://'):
        host, port = address[len('tcp://'):].rsplit(':', 1)
        address = host, int(port)
    manager = Manager(address, binascii.unhexlify(sys.stdin.readline().strip()))
    manager.connect()
    jobs, results = manager.get_jobs(), manager.get_results()
    try:
        while True:
            number = jobs.get()
            results.put((number, sum(n for n in range(1, number + 1) if number % n == 0)))
    except (EOFError, EnvironmentError):
        pass  # There are no more jobs.


if __name__ == '__main__':
    main()
