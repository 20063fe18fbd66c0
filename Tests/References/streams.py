"""The host's random streams in plain Python: Philox 4x32-10, keyed by SHA-256 of the seed and the stream's name.

Independent of Sources/CShims/philox.c; the published known-answer vectors of Random123 are checked below.
"""
import hashlib
import math

import numpy


def philox(counter, key):
    c, (k0, k1) = list(counter), key
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(p1 >> 32) ^ c[1] ^ k0, p1 & 0xFFFFFFFF, (p0 >> 32) ^ c[3] ^ k1, p0 & 0xFFFFFFFF]
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return c


assert philox([0] * 4, [0] * 2) == [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]
assert philox([0xFFFFFFFF] * 4, [0xFFFFFFFF] * 2) == [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]


class Stream:
    """Numbers addressed by (seed, name, index)."""

    def __init__(self, seed, name):
        digest = hashlib.sha256(seed.to_bytes(8, "little") + name.encode()).digest()
        self.key = [int.from_bytes(digest[0:4], "little"), int.from_bytes(digest[4:8], "little")]

    def word(self, index, step=0):
        block = index // 2
        c = philox([block & 0xFFFFFFFF, block >> 32, step & 0xFFFFFFFF, step >> 32], self.key)
        return c[2] | c[3] << 32 if index % 2 else c[0] | c[1] << 32

    def uniform(self, begin, count, step=0):
        return numpy.array([(self.word(i, step) >> 11 | 1) * 2.0**-53 for i in range(begin, begin + count)])

    def normal(self, begin, count):
        """Box-Muller on the uniform numbers 2b and 2b + 1."""
        values = []
        for i in range(begin, begin + count):
            u, v = self.uniform(i // 2 * 2, 2)
            wave = math.sin if i % 2 else math.cos
            values.append(math.sqrt(-2 * math.log(u)) * wave(2 * math.pi * v))
        return numpy.array(values)

    def permutation(self, count, step=0):
        """Fisher-Yates from the end, with Lemire's multiplication and rejection."""
        out, drawn = list(range(count)), 0
        for i in range(count - 1, 0, -1):
            while True:
                product = self.word(drawn, step) * (i + 1)
                drawn += 1
                if product % 2**64 >= 2**64 % (i + 1):
                    break
            j = product >> 64
            out[i], out[j] = out[j], out[i]
        return out
