#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""report.py PAGE EPOCHS RANKS [TEXT...]: is this a report as it should be?

Well-formed, self-contained and without scripts; it has that many rows of epochs
and of ranks in its newest one, and each text as text.  "-" for EPOCHS makes a
hostile record in the folder PAGE instead.

report.py --picture PNG: does the picture show the page's colours?"""
import json
import os
import struct
import sys
import xml.etree.ElementTree as tree
import zlib
from html.parser import HTMLParser

HOSTILE = "<script>alert(1)</script>\"'&amp;\x01\ufffe]]>\n--><b onload=x>"
ALONE = {"meta", "br"}


class Balanced(HTMLParser):
    """Every tag is closed, in order."""

    def __init__(self):
        super().__init__()
        self.open = []
        self.tags = set()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        for name, value in attrs:
            assert not name.startswith("on"), (tag, name)
            assert name not in ("src", "href", "style", "srcset"), (tag, name)
        if tag not in ALONE:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.add(tag)

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, tag


def rows(root, title):
    """Of the table behind that heading."""
    body = list(root.find("body"))
    for i, element in enumerate(body):
        if element.tag == "h2" and element.text == title:
            table = next(e.find("table") for e in body[i:]
                         if e.tag == "div" and e.find("table") is not None)
            return table.findall("tr")[1:]
    raise AssertionError("no table " + title)


def check(path, epochs, ranks, texts):
    with open(path, encoding="utf-8") as page:
        text = page.read()
    parser = Balanced()
    parser.feed(text)
    assert not parser.open, parser.open
    bad = parser.tags & {"script", "link", "img", "iframe", "object", "b1"}
    assert not bad, bad
    for word in ("http:", "https:", "url(", "@import", "javascript:"):
        assert word not in text, word
    root = tree.fromstring(text.replace("<!DOCTYPE html>", ""))
    assert len(rows(root, "Epochs")) == epochs, len(rows(root, "Epochs"))
    newest = root.find("body/details")
    lines = [e.text for e in newest.iter("text") if e.text.startswith("rank")]
    assert len(lines) == ranks, lines
    assert newest.get("open") == "open"
    for bar in root.iter("rect"):
        for name in ("x", "width"):
            assert -1 < float(bar.get(name, "0")) < 1000, bar.attrib
    whole = "".join(root.itertext())
    for wanted in texts:
        assert wanted in whole, wanted


def hostile(folder):
    """A record whose every text and number is somebody else's."""
    name = HOSTILE
    far = 1e308
    lines = [
        {"event": "start", "job": name, "program": [name, 7, None],
         "host": name, "restarted_from": far},
        {"event": "up", "seconds": -far, "ranks": far, "nnodes": name},
        {"event": "epoch", "epoch": far, "committed": True, "bytes": far,
         "memory_bytes": -5, "pause_ms": far, "seconds": far,
         "phases": {"frontier": far, "drain": name, "capture": -1},
         "nodes": [[0, name, far, -far, name], 7, None],
         "ranks": [[far, name, far, -far], 7, [1, 0, 1, 2, 3, 4]]},
        {"event": "epoch", "epoch": 1, "committed": False, "reason": name,
         "last": name, "quantiles": {"of": name, "held": 7}},
        {"event": "note", "text": name},
        {"event": name},
        {"event": "end", "how": name, "signal": far},
    ]
    os.mkdir(folder, 0o700)
    path = os.path.join(folder, "history.jsonl")
    fd = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    with os.fdopen(fd, "w", encoding="utf-8") as out:
        for i, line in enumerate(lines):
            t = far if i == 5 else 1.7e9 + i
            out.write(json.dumps({"v": 1, "t": t, **line}) + "\n")


def pixels(path):
    """The picture's rows of (r, g, b); an 8-bit PNG without interlace."""
    with open(path, "rb") as png:
        data = png.read()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    width, height, depth, kind = struct.unpack(">IIBB", data[16:26])
    assert depth == 8 and kind in (2, 6)
    size, at, packed = 3 if kind == 2 else 4, 8, b""
    while at < len(data):
        length, name = struct.unpack(">I4s", data[at:at + 8])
        if name == b"IDAT":
            packed += data[at + 8:at + 8 + length]
        at += length + 12
    raw, above = zlib.decompress(packed), bytearray(width * size)
    for y in range(height):
        start = y * (width * size + 1)
        how, row = raw[start], bytearray(raw[start + 1:start + 1
                                             + width * size])
        for i, byte in enumerate(row):
            a = row[i - size] if i >= size else 0
            b = above[i]
            c = above[i - size] if i >= size else 0
            near = a + b - c
            guess = min((abs(near - a), 0, a), (abs(near - b), 1, b),
                        (abs(near - c), 2, c))[2]
            row[i] = (byte + (0, a, b, (a + b) // 2, guess)[how]) & 255
        above = row
        yield [tuple(row[i:i + 3]) for i in range(0, len(row), size)]


def picture(path):
    seen = {}
    for row in pixels(path):
        for colour in row:
            seen[colour] = seen.get(colour, 0) + 1
    wanted = {"paper": (0xfb, 0xfb, 0xf9), "card": (255, 255, 255),
              "run": (0xc9, 0xd6, 0xe6), "good": (0x2b, 0x8a, 0x57)}
    for name, colour in wanted.items():
        assert seen.get(colour, 0) > 20, (name, seen.get(colour, 0))


try:
    if sys.argv[1] == "--picture":
        picture(sys.argv[2])
    elif sys.argv[2] == "-":
        hostile(sys.argv[1])
    else:
        check(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:])
except AssertionError as e:
    print("# not so:", repr(e)[:500])
    sys.exit(1)
