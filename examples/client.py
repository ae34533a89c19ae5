"""A client of the examples' servers: sends each argument, and prints what comes back.

    python3 examples/client.py HOST:PORT ARGUMENT... < KEY

The key comes over the standard input, in hexadecimal. Runs on every Python from 2.7 on.
"""
import binascii
import sys
from multiprocessing.connection import Client

host, _, port = sys.argv[1].rpartition(':')
key = binascii.unhexlify(sys.stdin.readline().strip())
connection = Client((host, int(port)), authkey=key)
for argument in sys.argv[2:]:
    connection.send_bytes(argument.encode('ascii'))
    print(connection.recv_bytes().decode('ascii'))
# Longer than what any of the servers reads at once.
large = b'abc' * 300000
connection.send_bytes(large)
print(connection.recv_bytes() == large[::-1])
connection.close()
