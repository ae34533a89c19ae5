"""Sends arrays of NumPy, and tells what arrays it is sent.

Prints a line `array PROTOCOL HEX DTYPE SHAPE ORDER DATA [BUFFER]` for each array and protocol, where the
buffer is beside the pickle, then `end`. Then reads lines `loads HEX` or `buffer HEX`, of which the latter
precedes the pickle that it is beside, and prints `DTYPE SHAPE ORDER DATA WRITABLE` for each pickle. An
empty line ends it.
"""
import pickle
import sys
from binascii import hexlify, unhexlify

import numpy


def arrays():
    kinds = ['?', 'S3', 'U2', 'M8[ns]', 'm8[25s]']
    for size, letters in (1, 'iu'), (2, 'iuf'), (4, 'iuf'), (8, 'iufc'), (16, 'c'):
        kinds += [order + letter + str(size) for letter in letters for order in '<>']
    for kind in kinds:
        for shape in (4,), (2, 2), (), (0,), (1, 0, 3):
            count = int(numpy.prod(shape))
            array = numpy.arange(count).astype('i4').astype(kind).reshape(shape)
            yield array
            yield numpy.asfortranarray(array)
    # Neither is in one piece.
    yield numpy.arange(16).reshape(4, 4)[::2, ::2]
    yield numpy.arange(6)[::-1]


def described(array):
    order = 'F' if array.flags.f_contiguous and not array.flags.c_contiguous else 'C'
    data = array.tobytes(order)
    return [array.dtype.str, ','.join(map(str, array.shape)) or '-', order, hexadecimal(data)]


def hexadecimal(data):
    return hexlify(data).decode('ascii') or '-'


def main():
    for array in arrays():
        for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
            print('array', protocol, hexadecimal(pickle.dumps(array, protocol)), *described(array))
        buffers = []
        pickled = pickle.dumps(array, 5, buffer_callback=buffers.append)
        beside = [hexadecimal(buffer.raw()) for buffer in buffers]
        print('array', 5, hexadecimal(pickled), *(described(array) + beside))
    print('end')
    sys.stdout.flush()
    buffers = []
    for line in iter(sys.stdin.readline, '\n'):
        word, data = line.rstrip('\n').split(' ')
        data = unhexlify(data)
        if word == 'buffer':
            buffers.append(bytearray(data))
            continue
        array = pickle.loads(data, buffers=buffers)
        buffers = []
        print(*described(array), array.flags.writeable)
        sys.stdout.flush()


main()
