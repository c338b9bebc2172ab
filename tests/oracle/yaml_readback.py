"""Does PyYAML read back what was written?

    python yaml_readback.py CORPUS YAML...

CORPUS has one JSON value per line. Each YAML file holds that corpus as a mapping:

    items:  the values, in order
    nested: {"n0": {"value": <value of line 0>, "after": true}, "n1": ...}
    keys:   {<value of line 0>: 0, ...} for the lines that are strings

Every loader of the library at hand must give back every value with its exact type. Prints one line per file and loader;
exits 1 when anything differs. Runs under Python 2.7 and 3, with PyYAML 3.10 and later.
"""
from __future__ import print_function, unicode_literals

import json
import sys
from numbers import Integral

import yaml

LIST_AND_MAP = {"items", "nested", "keys"}
SHOWN = 10  # differences printed for one file
TEXT = type("")


def same(want, got):
    """Equality that tells True from 1 and, under Python 2, knows what PyYAML does: ASCII becomes bytes."""
    if isinstance(want, TEXT):
        if str is not TEXT and all(c < "\x80" for c in want):
            return type(got) is str and got.decode("ascii") == want
        return type(got) is TEXT and got == want
    if isinstance(want, list):
        return type(got) is list and len(got) == len(want) and all(map(same, want, got))
    if isinstance(want, dict):
        return (
            type(got) is dict
            and len(got) == len(want)
            and all(key in got and same(want[key], got[key]) for key in want)
            and all(any(same(key, k) for key in want) for k in got)
        )
    # Python 2 calls the integers of 64 bits int or long, as it computed them.
    return (type(got) is bool) == (type(want) is bool) and isinstance(got, Integral) and got == want


def differences(corpus, document):
    """Yields (place, line, wanted, got) for each value that came back wrong."""
    if type(document) is not dict or set(document) != LIST_AND_MAP:
        raise SystemExit("not the expected mapping: {!r:.200}".format(document))
    items, nested, keys = document["items"], document["nested"], document["keys"]
    texts = [n for n, want in enumerate(corpus) if isinstance(want, TEXT)]
    if [len(items), len(nested), len(keys)] != [len(corpus), len(corpus), len(texts)]:
        raise SystemExit("{} items, {} nested, {} keys".format(len(items), len(nested), len(keys)))
    key_of_line = {n: key for key, n in keys.items()}
    for n, want in enumerate(corpus):
        if not same(want, items[n]):
            yield "item", n, want, items[n]
        got = nested.get("n{}".format(n))
        if not same({"value": want, "after": True}, got):
            yield "nested", n, want, got
    for n in texts:
        if not same(corpus[n], key_of_line.get(n)):
            yield "key", n, corpus[n], key_of_line.get(n)


def main(corpus_path, yaml_paths):
    # Not readlines(): JSON may hold raw line separators that are no line ends here.
    with open(corpus_path, "rb") as lines:
        corpus = [json.loads(line.decode("utf-8")) for line in lines.read().split(b"\n") if line]
    loaders = [yaml.SafeLoader]
    if getattr(yaml, "__with_libyaml__", False):
        loaders.append(yaml.CSafeLoader)
    failed = False
    for path in yaml_paths:
        with open(path, "rb") as source:
            text = source.read()
        for loader in loaders:
            wrong = list(differences(corpus, yaml.load(text, Loader=loader)))
            for place, n, want, got in wrong[:SHOWN]:
                print("{} line {}: {!r:.300} came back as {!r:.300}".format(place, n + 1, want, got))
            failed = failed or bool(wrong)
            print(
                "PyYAML {} {}, Python {}.{}.{}: {} values, {} wrong, in {}".format(
                    yaml.__version__, loader.__name__, *(sys.version_info[:3] + (len(corpus), len(wrong), path))
                )
            )
    return 1 if failed else 0


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], sys.argv[2:]))
