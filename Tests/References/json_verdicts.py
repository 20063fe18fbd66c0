"""Mutated manifests and what a strict Python reader makes of them, for Tests/ManifestsTests/AgreementTests.swift.

    json_verdicts.py SEED COUNT FILE...

Prints a line for each mutation: its bytes in hexadecimal, a tab, and its value in a canonical form, or `-` if it is refused. Mutations
of the files and of small texts, made from the seed alone. The rules are those of docs/plugins/manifest.md: at most 1 MiB and 16 levels,
UTF-8 without byte-order mark, an object at the root, no key twice (in Unicode's canonical equivalence), no U+0000, no lone
surrogate, integers in 64 bits, finite doubles.
"""
import json
import math
import random
import re
import sys
import unicodedata

LARGEST, DEEPEST = 1 << 20, 16

SMALL = [
    '{"a": 1, "b": [true, false, null], "c": {"d": -0.5e+3}}',
    '{"text": "\u00e9\\u00e9\\ud83d\\ude00\\n", "e\\u0301": "", "x/y~z": 9223372036854775807}',
    '{"deep": [[[[[[[[[[[[[[1]]]]]]]]]]]]]], "n": [0, -0, 1e5, 1E-5, 0.1, 12.50]}',
    '{"\U0001d11e": "\U0010ffff\ud7ff\ue000", "": {"": {"": []}}, "z": [{}, [], "", " "]}',
    '{"n": [2.2250738585072011e-308, 1.7976931348623157e308, 5e-324, 0.1e-400, 123456789012345678]}',
]
TOKENS = [
    b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":", b"true", b"false", b"null", b"True", b"nul", b"NaN", b"Infinity", b"-Infinity",
    b"//", b"/**/", b"#", b"'", b" ", b"\n", b"\t", b"\r", b"\x0b", b"\x0c", b"\xc2\xa0", b"\xe2\x80\xa8", b"\xef\xbb\xbf",
    b"\x00", b"\xff", b"\xc0\xaf", b"\xe0\x80\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xf5\x80\x80\x80", b"\xc3", b"\xe2\x82", b"\x80",
    b"\\u0000", b"\\ud800", b"\\udc00", b"\\ud83d\\ude00", b"\\ude00\\ud83d", b"\\ud800\\u0041", b"\\u00e9", b"\\u12", b"\\uGGGG", b"\\x41",
    b"\\u0022", b"\\u005c", b"\\/", b"\\b", b"\x7f", "\u00e9".encode(), "e\u0301".encode(), "\ufffe".encode(), "\U0001f600".encode(),
]
NUMBERS = [
    b"0", b"-0", b"-0.0", b"00", b"01", b"-", b"+1", b".5", b"5.", b"1e", b"1e+", b"1E+2", b"1e-2", b"0x10", b"1_0", b"1e5.5", b"- 1",
    b"9223372036854775807", b"9223372036854775808", b"-9223372036854775808", b"-9223372036854775809", b"18446744073709551615",
    b"99999999999999999999999", b"9" * 400, b"9" * 5000, b"0." + b"1" * 400, b"1e308", b"1.8e308", b"-1e309", b"1e-400", b"1e999999999",
    b"1e-999999999", b"4.9e-324", b"2.4703282292062327e-324", b"1.7976931348623159e308", b"0e0", b"0e999999", b"9007199254740993",
    b"9007199254740993.0", b"1" + b"0" * 18, b"-" + b"1" * 18, b"1" * 19,
]
TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[-+0-9.eE]+|[a-zA-Z]+|[{}\[\],:]|\s+|.', re.S)


def mutation(text, draw):
    """One change of some bytes."""
    place = draw.randrange(len(text) + 1)
    kind = draw.randrange(14)
    if kind == 0 and text:
        return text[:place - 1] + text[place:] if place else text[1:]
    if kind == 1 and text:
        place = min(place, len(text) - 1)
        return text[:place] + bytes([text[place] ^ 1 << draw.randrange(8)]) + text[place + 1:]
    if kind == 2 and text:
        place = min(place, len(text) - 1)
        return text[:place] + bytes([draw.randrange(256)]) + text[place + 1:]
    if kind == 3:
        return text[:place] + draw.choice(TOKENS) + text[place:]
    if kind == 4:
        length = draw.choice([1, 4, 15, 16, 17, 40, 3000])
        brackets = draw.choice([(b"[", b"]"), (b'{"a":', b"}")])
        value = brackets[0] * length + draw.choice([b"1", b"", b"[]", b"{}"]) + brackets[1] * draw.choice([length, length, length, length - 1])
        return re.sub(rb"\b\d+\b", lambda _: value, text, count=1) if draw.random() < 0.7 else text[:place] + value + text[place:]
    if kind == 5:
        return draw.choice([b"\xef\xbb\xbf" + text, b"\xff\xfe" + text, text + b"\x00", b" \n" + text + b"\r\n", text + text, text[:place]])
    if kind == 6 and draw.random() < 0.05:
        return text[:-1] + b" " * (LARGEST + draw.randrange(-2, 3) - len(text)) + text[-1:]
    tokens = TOKEN.findall(text)
    if not tokens:
        return text
    if kind in (6, 7):  # a number
        places = [i for i, token in enumerate(tokens) if token[:1] in b"-0123456789" and token]
        if places:
            tokens[draw.choice(places)] = draw.choice(NUMBERS)
            return b"".join(tokens)
    first, second = draw.randrange(len(tokens)), draw.randrange(len(tokens))
    if kind == 8:
        del tokens[first]
    elif kind == 9:
        tokens.insert(first, tokens[first])
    elif kind == 10:
        tokens[first], tokens[second] = tokens[second], tokens[first]
    elif kind == 11:
        tokens[first] = draw.choice(TOKENS + NUMBERS)
    elif kind == 12:  # inside a string
        places = [i for i, token in enumerate(tokens) if token.startswith(b'"') and len(token) > 1]
        if places:
            i = draw.choice(places)
            at = draw.randrange(1, len(tokens[i]))
            tokens[i] = tokens[i][:at] + draw.choice(TOKENS) + tokens[i][at:]
    else:  # a key or text twice, whole pieces moved
        first, second = sorted((first, second))
        piece = tokens[first:min(second, first + 12)]
        at = draw.randrange(len(tokens))
        tokens[at:at] = piece
    return b"".join(tokens)


def pairs(items):
    keys = [unicodedata.normalize("NFC", key) for key, _ in items]
    if len(set(keys)) != len(keys):
        raise ValueError("repeated key")
    return dict(items)


def constant(name):
    raise ValueError(name)


def integer(text):
    value = int(text)
    if not -2**63 <= value < 2**63:
        raise ValueError("range")
    return value


def real(text):
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("range")
    return value


def check(value, depth):
    if isinstance(value, (dict, list)):
        if depth == DEEPEST:
            raise ValueError("depth")
        for item in value.values() if isinstance(value, dict) else value:
            check(item, depth + 1)
    for text in value if isinstance(value, dict) else [value] if isinstance(value, str) else []:
        text.encode("utf-8")  # a lone surrogate has no encoding
        if "\0" in text:
            raise ValueError("zero")


def canonical(value):
    if isinstance(value, dict):
        return "{" + ",".join(canonical(key) + canonical(item) for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    if isinstance(value, bool) or value is None or isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return value.hex()
    return '"' + value.encode("utf-8").hex()


def verdict(text):
    try:
        if len(text) > LARGEST:
            raise ValueError("size")
        value = json.loads(text.decode("utf-8"), object_pairs_hook=pairs, parse_constant=constant, parse_int=integer, parse_float=real)
        if not isinstance(value, dict):
            raise ValueError("root")
        check(value, 0)
        return canonical(value)
    except (ValueError, RecursionError):
        return "-"


def main():
    draw, count = random.Random(int(sys.argv[1])), int(sys.argv[2])
    files = []
    for path in sys.argv[3:]:
        with open(path, "rb") as file:
            files.append(file.read())
    small = [text.encode("utf-8") for text in SMALL]
    for number in range(count):
        text = draw.choice(files if files and number % 4 == 0 else small)
        for _ in range(draw.choice([0, 1, 1, 1, 1, 2, 3])):
            text = mutation(text, draw)
        print(text.hex(), verdict(text), sep="\t")


main()
