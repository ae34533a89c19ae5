"""CPython's part of the comparison: makes the pickles, and times its own `loads` and `dumps`.

Reads lines `loads CASE` and `dumps CASE`, answers each with nanoseconds. The collector of cycles is
off: it would only make it slower.
"""
import gc
import os
import pickle
import sys
from time import perf_counter_ns

CASES = {
    'ints': lambda: [n * 2147 for n in range(1000000)],
    'strings': lambda: ['value number %d' % n for n in range(200000)],
    'dicts': lambda: [{'id': n, 'name': 'row %d' % n, 'score': n / 7, 'ok': n % 2 == 0}
                      for n in range(100000)],
    'bytes': lambda: bytes(range(256)) * (64 << 12),
}


def main():
    directory = sys.argv[1]
    gc.disable()
    values = {name: make() for name, make in CASES.items()}
    pickles = {name: pickle.dumps(value, 4) for name, value in values.items()}
    for name, data in pickles.items():
        with open(os.path.join(directory, name), 'wb') as file:
            file.write(data)
    print('%d.%d.%d' % sys.version_info[:3], flush=True)
    for line in sys.stdin:
        what, name = line.split()
        begin = perf_counter_ns()
        if what == 'loads':
            result = pickle.loads(pickles[name])
        else:
            result = pickle.dumps(values[name], 4)
        end = perf_counter_ns()
        if what == 'check':
            with open(os.path.join(directory, name + '.written'), 'rb') as file:
                assert pickle.load(file) == values[name], name
        del result
        print(end - begin, flush=True)


main()
