"""Sends jobs to the job server: job_client.py ADDRESS NUMBER..., with the key on the standard input.

Works with Python 2.7 and 3, and needs nothing but the standard library.
"""
import binascii
import sys
from multiprocessing.connection import Client

address = sys.argv[1]
if address.startswith('tcp://'):
    host, port = address[len('tcp://'):].rsplit(':', 1)
    address = (host, int(port))
key = binascii.unhexlify(sys.stdin.readline().strip())

connection = Client(address, authkey=key)
for number in sys.argv[2:]:
    connection.send({'number': int(number) if number.isdigit() else number})
    result = connection.recv()
    if isinstance(result, Exception):
        print('%s -> %s: %s' % (number, type(result).__name__, result))
    else:
        print('%s -> %d' % (number, result['sum']))
connection.close()
