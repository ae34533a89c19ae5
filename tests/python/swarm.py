"""Many clients at once, a thread each. Tells how many got their message back turned round."""
import hmac  # Client imports it when it needs it, which fails on Windows in many threads at once.
import threading

import peer
from multiprocessing.connection import Client


def main():
    orders = peer.read_orders()
    served = []

    def call(index):
        connection = Client(peer.address_of(orders), authkey=orders['key'])
        message = peer.message(index, 1000)
        connection.send_bytes(message)
        if connection.recv_bytes() == message[::-1]:
            served.append(index)

    threads = [threading.Thread(target=call, args=(n,)) for n in range(int(orders['threads']))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    peer.tell('served', str(len(served)))


if __name__ == '__main__':
    main()
