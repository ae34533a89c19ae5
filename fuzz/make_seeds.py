#!/usr/bin/env python3
"""Writes fuzz/seeds anew: small inputs that each reach a part of their target.

What the first bytes choose is in src/fuzzing.rs.
"""

import os
import shutil

HERE = os.path.dirname(os.path.abspath(__file__))
EXTENDED = b'\xff' * 4
STREAMS = {
    'nothing': b'',
    'frames': b'\0\0\0\0\0\0\0\x05hello\0\0\0\x01a',
    'long': b'\0\0\0\x64' + b'x' * 100 + b'\0\0\0\x01a',
    'extended': EXTENDED + b'\0' * 7 + b'\x03abc\0\0\0\0',
    'extended_long': EXTENDED + b'\0' * 7 + b'\x28' + b'x' * 40 + b'\0\0\0\0',
    'extended_2_63': EXTENDED + b'\x80' + b'\0' * 7,
    'extended_most': EXTENDED + b'\xff' * 8,
    'half_a_header': b'\0\0\0\x01a\0\0',
    'half_an_extended_header': EXTENDED + b'\0\0\0',
    'half_a_payload': b'\0\0\0\x09hell',
    'header_alone': b'\0\0\0\x09',
    'minus_2': b'\0\0\0\0\xff\xff\xff\xfe',
    'http': b'GET / HTTP/1.1\r\n\r\n',
}
WELCOME, FAILURE, AGAIN, ECHO, RIGHT, NAMED, CHALLENGE, LONG, JUNK = 0, 1, 2, 3, 4, 11, 12, 13, 14
# By their place in `dialects()`.
DIALECTS = {'raw_md5': 0, 'raw_sha256': 1, 'sha256': 3, 'sha3_384': 6}
SPLIT = ('frames', 'long', 'extended', 'extended_long', 'half_a_header', 'half_a_payload')


def message(kind, body=b''):
    return bytes([kind, len(body)]) + body


def named(digest, body=b'n' * 40):
    return bytes([NAMED, digest, len(body)]) + body


def handshakes(listener):
    def whole(response, challenge, verdict=bytes([WELCOME])):
        return response + challenge + verdict if listener else challenge + verdict + response

    right = bytes([RIGHT + 3])
    found = {name: b'\0\0' + whole(bytes([RIGHT + nth]), named(1))
             for name, nth in DIALECTS.items()}
    found['modern'] = b'\x01\0' + whole(right, named(4))
    found['modern_refuses'] = b'\x01\0' + whole(bytes([RIGHT]), named(0))
    found['legacy'] = b'\0\0' + whole(bytes([RIGHT]), message(CHALLENGE, b'l' * 20))
    found['legacy_sha256'] = b'\x02\0' + whole(right, message(CHALLENGE, b'l' * 20))
    found['short_challenge'] = b'\0\0' + whole(right, message(CHALLENGE, b's' * 19))
    found['marked'] = b'\0\0' + whole(right, named(2, b'm' * 24 + b'#mpconn-client-1'))
    found['rejected'] = b'\0\0' + whole(right, named(1), bytes([FAILURE]))
    found['no_verdict'] = b'\0\0' + whole(right, named(1), message(JUNK, b'#WELCOME#x'))
    found['wrong'] = b'\0\0' + whole(bytes([0x80 | RIGHT + 3, 39, 1]), named(1))
    found['echo'] = b'\0\0' + whole(bytes([ECHO]), named(1))
    found['again'] = b'\0\0' + whole(right, bytes([AGAIN]))
    found['too_long'] = b'\0\0' + bytes([LONG, 129])
    found['junk'] = b'\0\0' + message(JUNK, b'{sha512}' + b'j' * 64)
    return found


TARGETS = {
    # A limit, what is inline.
    'framer': {name: b'\0\x10' + stream for name, stream in STREAMS.items()},
    # The same, what is received directly, reads of 1, 3 and 9 bytes.
    'split': {name: b'\0\x10\x55\x02\x01\x03\x09' + STREAMS[name] for name in SPLIT},
    'handshake_listener': handshakes(True),
    'handshake_client': handshakes(False),
    'addresses': {
        'path': b'/run/app.sock',
        'tcp': b'tcp://localhost:6000',
        'tcp6': b'tcp://[fe80::1%eth0]:6000',
        'pipe': rb'\\.\pipe\app',
        'unix': b'unix:/run/%ff%20app',
        'abstract': b'\0app',
        'abstract_text': b'unix-abstract:%00app',
        'looks_like_tcp': b'localhost:6000',
        'brackets': b'pp[app]',
    },
}


def main():
    seeds = os.path.join(HERE, 'seeds')
    shutil.rmtree(seeds, ignore_errors=True)
    for target, files in TARGETS.items():
        os.makedirs(os.path.join(seeds, target))
        for name, data in files.items():
            with open(os.path.join(seeds, target, name), 'wb') as file:
                file.write(data)


if __name__ == '__main__':
    main()
