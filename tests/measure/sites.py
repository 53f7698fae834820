"""The sites that are measured: made from a seed, so that every machine and every run has the same bytes."""

import os
import random
import struct
import time
import zlib

SEED = 20_260_101
FOLDERS = 100
ASSETS = {"css": 20, "js": 15, "png": 15}

# Frequent words first: they are drawn by rank, as words of a text are.
WORDS = """
the of and to in a is that for it was on are as with his they at be this from have or by one had not but what all
were when we there can an your which their said if do will each about how up out them then she many some so these
would other into has more her two like him see time could no make than first been its who now people my made over
did down only way find use may water long little very after words called just where most know get through back much
before go good new write our used me man too any day same right look think also around another came come work three
word must because does part even place well such here take why things help put years different away again off went
old number great tell men say small every found still between name should home big give air line set own under read
last never us left end along while might next sound below saw something thought both few those always looked show
large often together asked house world going want school important until form food keep children feet land side
without boy once animals life enough took four head above kind began almost live page got earth need far hand high
year mother light parts country father let night following picture being study second eyes soon times story boys
since white days ever paper hard near sentence better best across during today others however sure means knew try
told young miles sun ways thing whole hear example heard several change answer room sea against top turned learn
point city play toward five using himself usually money seen car morning body upon family later turn move face door
cut done group true half red fish plants living black eat short states run book gave order open ground cold really
table remember tree course front space inside ago sad early learned brought close nothing though started idea lived
became add become grow draw yet less wind behind cannot letter among able dog shown mean English rest perhaps
certain six feel fire ready green built special ran full town complete oh person hot anything hold state list stood
hundred ten fast felt kept notice strong voice probably area horse matter stand box start class piece surface river
common stop am whether fine round past ball girl deep system bread oven flour baker season harvest market customer
delivery kitchen recipe measure temperature quality service account region distribution network storage request
""".split()


def write_site(folder, pages):
    """A site of so many pages with its assets in `folder`; the paths of the pages, the front page first."""
    rng = random.Random(SEED)
    weights = [1 / (rank + 3) for rank in range(len(WORDS))]
    paths = ["index.html"]
    paths += [f"chapter-{n % FOLDERS:02}/{_slug(rng)}-{n:05}.html" for n in range(1, pages)]
    for number, path in enumerate(paths):
        _write(folder / path, _page(rng, weights, paths, number).encode())
    for kind, count in ASSETS.items():
        for number in range(count):
            _write(folder / "assets" / f"{kind}-{number:02}.{kind}", _asset(rng, kind))
    _age(folder)
    return paths


def change(folder, path, mark):
    """Change one page, so that it says `mark`; its size and its time change too."""
    page = (folder / path).read_text().replace("</main>", f"<p>{mark}</p>\n</main>")
    (folder / path).write_text(page)


def write_large_site(folder, files, size):
    """A front page and `files` sparse files of `size` bytes, which differ in their first bytes."""
    write_site(folder, 20)
    for number in range(files):
        path = folder / "downloads" / f"film-{number:02}.mp4"
        _write(path, f"film {number}\n".encode() + random.Random(number).randbytes(4096))
        os.truncate(path, size)
    _age(folder)


def totals(folder):
    """How many files there are, and how many bytes they have."""
    sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
    return len(sizes), sum(sizes)


def _write(path, data):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def _age(folder):
    """Every file is a day old: a tool that goes by times must see them as older than what it uploaded."""
    then = time.time() - 86_400
    for path in folder.rglob("*"):
        os.utime(path, (then, then))


def _slug(rng):
    return "-".join(rng.choices(WORDS, k=3)).lower()


def _sentence(rng, weights):
    words = rng.choices(WORDS, weights, k=rng.randint(5, 19))
    if len(words) > 9:
        words[len(words) // 2] += ","
    return " ".join(words).capitalize() + rng.choice("....?!")


def _page(rng, weights, paths, number):
    title = " ".join(rng.choices(WORDS, weights, k=5)).capitalize()
    links = "".join(f'    <li><a href="/{path}">{path[:10]}</a></li>\n' for path in rng.choices(paths, k=8))
    css, js, png = rng.randrange(20), rng.randrange(15), rng.randrange(15)
    parts = [
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n  <meta charset="utf-8">\n  <title>{title}</title>\n'
        '  <meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'  <meta name="description" content="{_sentence(rng, weights)}">\n'
        f'  <link rel="stylesheet" href="/assets/css-{css:02}.css">\n'
        f'  <script src="/assets/js-{js:02}.js" defer></script>\n</head>\n<body>\n'
        f"  <nav><ul>\n{links}  </ul></nav>\n<main>\n<h1>{title}</h1>\n"
        f'<img src="/assets/png-{png:02}.png" alt="Picture {number}" width="64" height="64">\n'
    ]
    size, wanted = len(parts[0]), rng.randint(4_100, 12_000) - 60
    while size < wanted:
        if rng.random() < 0.15:
            part = f"<h2>{_sentence(rng, weights)[:-1]}</h2>\n"
        else:
            part = "<p>" + " ".join(_sentence(rng, weights) for _ in range(rng.randint(1, 4))) + "</p>\n"
        parts.append(part)
        size += len(part)
    return "".join(parts) + "</main>\n</body>\n</html>\n"


def _asset(rng, kind):
    if kind == "png":
        return _noise(rng, rng.randint(64, 256))
    lines, size = [], rng.randint(5_000, 60_000)
    while size > 0:
        one, two = _slug(rng), rng.choice(WORDS)
        if kind == "css":
            line = f".{one} .{two} {{ margin: {rng.randint(0, 64)}px; color: #{rng.randrange(1 << 24):06x}; }}\n"
        else:
            line = f'function {one.replace("-", "_")}(x) {{ return "{two}" + (x * {rng.randint(1, 999)}); }}\n'
        lines.append(line)
        size -= len(line)
    return "".join(lines).encode()


def _noise(rng, side):
    """A PNG of noise: eight bits of grey, which nothing makes smaller."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + rng.randbytes(side) for _ in range(side))
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 1)) + chunk(b"IEND", b"")
