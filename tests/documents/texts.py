"""Texts of many scripts, and where a browser puts their clusters: what the layout of texts is compared with.

`python -m tests.documents.texts` measures them anew with the Chromium on the PATH, in the fonts that are always there, and writes
tests/data/texts.json.
"""

import argparse
import base64
import html
import importlib
import json
import re
import shutil
import subprocess
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec

from node_worker.engines.lottie.text.breaks import SOFT_HYPHEN
from node_worker.engines.lottie.text.faces import EMOJI
from node_worker.engines.lottie.text.fonts import Library, Wanted
from node_worker.engines.lottie.text.layout import Layout, Style, lay_out

REFERENCES = Path(__file__).parents[1] / "data" / "texts.json"
SIZE, LEADING = 40.0, 60.0  # pixels
NEAR = 0.6  # pixels: a browser rounds advances, and shapes a line in pieces


class Text(msgspec.Struct, frozen=True):
    """A text and how it is set; without a width it is one line."""

    text: str
    way: str = "ltr"
    width: float = 0.0  # pixels of its box
    tracking: float = 0.0  # thousandths of an em
    justified: bool = False
    language: str = ""


_FILLED = {"width": 420.0, "justified": True}
TEXTS: dict[str, Text] = {
    "persian": Text("سلام دنیای زیبا", "rtl"),
    "persian_joiner": Text("می‌خواهم کتاب‌ها را ببینم", "rtl"),
    "persian_digits": Text("قیمت ۱۲٬۵۰۰ تومان", "rtl"),
    "persian_latin_digits": Text("در سال 1403 آغاز شد", "rtl"),
    "persian_question": Text("چه خبر؟!", "rtl"),
    "persian_date": Text("تاریخ ۱۴۰۳/۰۵/۲۱ ساعت ۱۰:۳۰", "rtl"),
    "persian_phone": Text("تماس: ۰۲۱-۸۸۷۷۶۶۵۵", "rtl"),
    "persian_phone_latin": Text("تلفن +98 21 8877 6655", "rtl"),
    "persian_percent": Text("تا ۵۰٪ تخفیف", "rtl"),
    "persian_brackets": Text("نسخهٔ (Pro) Max جدید است", "rtl"),
    "persian_bracket_end": Text("کنسرت (Live) ۲۰۲۴", "rtl"),
    "persian_bracket_inside": Text("Use (سلام) today", "ltr"),
    "persian_nested": Text("الف (ب [C] د) و (E {ف} g)", "rtl"),
    "persian_guillemets": Text("کتاب «The Little Prince» را خواند", "rtl"),
    "persian_brand_first": Text("iPhone 15 رسید!", "rtl"),
    "persian_brand_last": Text("محصول تازهٔ Samsung Galaxy S24", "rtl"),
    "persian_address": Text("نشانی: https://example.com/a?b=1", "rtl"),
    "persian_mail": Text("info@example.com را ببینید", "rtl"),
    "persian_handle": Text("@flat_render را دنبال کنید #رندر", "rtl"),
    "persian_in_latin": Text("The word کتاب means book.", "ltr"),
    "persian_list": Text("1. سلام 2. خداحافظ", "rtl"),
    "persian_range": Text("از 10-15 تا A-12/B", "rtl"),
    "persian_tracked": Text("سلام دنیای زیبا", "rtl", tracking=200),
    "persian_tracked_mixed": Text("فیلم NEW جدید", "rtl", tracking=150),
    "persian_box": Text("این یک متن بلند فارسی است که باید در چند سطر بنشیند", "rtl", width=320),
    "persian_box_brackets": Text("در این متن (که بلند است و شکسته می‌شود) پرانتزها درست می‌ایستند", "rtl", width=330),
    "persian_box_latin": Text("نرم‌افزار FlatRender Studio Pro برای ساخت ویدیو", "rtl", width=300),
    "persian_filled": Text("این یک متن بلند فارسی است که سطرهایش باید از دو سو پر شوند و سطر آخر نه", "rtl", width=400, justified=True),
    "persian_filled_mixed": Text("نسخهٔ جدید iPhone 15 Pro با دوربین تازه و باتری بزرگ‌تر امروز به بازار آمد", "rtl", **_FILLED),
    "arabic_marks": Text("مَرْحَبًا بِكُمْ", "rtl"),
    "arabic_shadda": Text("مُحَمَّدٌ رَسُولُ اللَّهِ", "rtl"),
    "arabic_lam_alef": Text("لا إله إلا الله", "rtl"),
    "arabic_kashida": Text("مـــرحـــبا", "rtl"),
    "arabic_digits": Text("١٢٣٤٥ و 678", "rtl"),
    "arabic_box": Text("الْحَمْدُ لِلَّهِ رَبِّ الْعَالَمِينَ الرَّحْمَٰنِ الرَّحِيمِ", "rtl", width=330),
    "hebrew": Text("שלום עולם", "rtl"),
    "hebrew_points": Text("בְּרֵאשִׁית בָּרָא", "rtl"),
    "hebrew_mixed": Text("גרסה (Beta) 2.0 של Chrome", "rtl"),
    "hebrew_box": Text("זהו טקסט ארוך בעברית שצריך להישבר לכמה שורות", "rtl", width=340),
    "urdu": Text("یہ ایک اردو جملہ ہے", "rtl", language="ur"),
    "urdu_mixed": Text("پاکستان (Lahore) میں ٹھنڈ ہے", "rtl", language="ur"),
    "kurdish": Text("ئەمە ڕستەیەکی کوردییە", "rtl", language="ckb"),
    "kurdish_mixed": Text("خۆشەویستی Love ڵ ێ ۆ", "rtl", language="ckb"),
    "isolate_latin": Text("نام \u2066C++\u2069 است", "rtl"),
    "isolate_persian": Text("Name \u2067کتاب (۲)\u2069 (new)", "ltr"),
    "isolate_first_strong": Text("a \u2068سلام 1\u2069 2", "ltr"),
    "mark_of_direction": Text("C++\u200f زبان است", "rtl"),
    "override": Text("\u202eabc\u202c def", "ltr"),
    "thai": Text("สวัสดีชาวโลก", "ltr", language="th"),
    "thai_box": Text("ภาษาไทยเป็นภาษาที่ไม่มีช่องว่างระหว่างคำในประโยค", "ltr", width=330, language="th"),
    "hindi": Text("नमस्ते दुनिया क्षत्रिय", "ltr", language="hi"),
    "hindi_box": Text("यह एक लंबा हिन्दी वाक्य है जो कई पंक्तियों में टूटेगा", "ltr", width=330, language="hi"),
    "latin": Text("AV Typography — fiffi office", "ltr"),
    "latin_tracked": Text("fi TRACKED office", "ltr", tracking=100),
    "latin_marks": Text("Žluťoučký kůň e\u0301a\u0308 Việt", "ltr"),
    "latin_box": Text("state-of-the-art well-known and/or 50,000 $5.00 (see p. 12)", "ltr", width=300),
    "latin_filled": Text("The quick brown fox jumps over the lazy dog while seventeen typographers argue", "ltr", **_FILLED),
    "soft_hyphens": Text("Rind\u00adfleisch\u00adetiket\u00adtierungs\u00adüber\u00adwachung", "ltr", width=300, language="de"),
    "no_break_space": Text("costs 100\u00a0000\u00a0000\u00a0km always", "ltr", width=300),
    "long_word": Text("Supercalifragilisticexpialidocious", "ltr", width=300),
    "address": Text("see https://example.com/a/very-long_path/index.html?x=1&y=2", "ltr"),
    "address_persian": Text("نشانی https://example.com/fa/products/list?page=2 است", "rtl"),
    "quotes": Text("“Quoted text”, ‘inner’ — dash… 50 % (a) [b] {c}", "ltr", width=300),
    "numbers": Text("1,234.56 −12 °C 3/4 10:30 2024-05-21 +98-21-555", "ltr"),
    "greek_cyrillic": Text("Καλημέρα Привет мир", "ltr"),
    "emoji": Text("Great job 🎉 👍🏽 👨‍👩‍👧 ❤️", "ltr"),
    "emoji_persian": Text("عالی بود 🎉 ممنون 🇮🇷!", "rtl"),
    "emoji_box": Text("Party 🎉🎉🎉 time 👨‍👩‍👧‍👦👩🏽‍🚀 now 🏴󠁧󠁢󠁥󠁮󠁧󠁿", "ltr", width=300),
    "emoji_keycap": Text("Nr 1️⃣ and #️⃣ ok ☺️", "ltr"),
}


def style_of(case: Text) -> Style:
    """A case as the layout's style."""
    reading: Any = case.way
    height = 10_000.0 if case.width else 0.0
    return Style(SIZE, LEADING, tracking=case.tracking / 10, width=case.width, height=height, justified=case.justified, reading=reading)


def placed(case: Text) -> Layout:
    """A case as we lay it out."""
    return lay_out(case.text, Library((), ()).chain(Wanted("FiraGO-Regular"), case.text), style_of(case))


def edges(case: Text) -> list[tuple[int, int, int, float, float]]:
    """Our clusters but for blanks: first and last character, line, left and right edge in pixels from the box's or line's left."""
    found = []
    for row, line in enumerate(placed(case).lines):
        left = case.width - line.width * SIZE / 100 if case.width and line.rtl else 0.0
        for cluster in line.clusters:
            end = cluster.start + len(cluster.text)
            if not cluster.space and cluster.glyphs and case.text[cluster.start : end] != SOFT_HYPHEN:
                found.append((cluster.start, end, row, left + cluster.x * SIZE / 100, left + (cluster.x + cluster.advance) * SIZE / 100))
    return found


def differences(name: str, measured: dict[str, list[list[int]]]) -> list[str]:
    """Where a case stands otherwise than a browser measured it.

    What is compared lies between cuts that both make, as one may cut a ligature that the other keeps.
    """
    case, ours, theirs = TEXTS[name], edges(TEXTS[name]), measured[name]
    cuts = [*sorted({part[0] for part in ours} & {part[0] for part in theirs}), len(case.text)]
    found = [] if len(cuts) > len(theirs) * 0.6 else ["the clusters are cut at other places"]
    for start, end in pairwise(cuts):
        here = [part for part in ours if start <= part[0] < end]
        there = [part for part in theirs if start <= part[0] < end]
        shown = repr(case.text[start:end])
        if {part[2] for part in here} != {part[1] for part in there}:
            found.append(f"{shown} stands on another line")
            continue
        left = min(part[3] for part in here) - min(part[2] for part in there) / 10
        right = max(part[4] for part in here) - max(part[3] for part in there) / 10
        if max(abs(left), abs(right)) > NEAR:
            found.append(f"{shown} stands {left:+.1f} and {right:+.1f} pixels beside")
    return found


_PAGE = """<!doctype html><meta charset=utf-8><style>
@font-face {{ font-family: F; src: url(data:font/otf;base64,{font}) }}
@font-face {{ font-family: E; src: url(file://{emoji}) }}
body {{ margin: 0 }}
p {{ margin: 0 0 20px 0; font: 40px/60px F, E; white-space: pre; width: max-content; text-rendering: geometricPrecision }}
p.box {{ white-space: pre-wrap; overflow-wrap: break-word }}
</style>{body}<pre id=out></pre><script>
document.fonts.ready.then(() => {{
  const found = {{}};
  for (const p of document.querySelectorAll("p")) {{
    const node = p.firstChild, box = p.getBoundingClientRect();
    found[p.id] = [];
    for (const part of new Intl.Segmenter(undefined, {{granularity: "grapheme"}}).segment(node.data)) {{
      if (!part.segment.replace("\u00ad", "").trim()) continue;
      const range = document.createRange();
      range.setStart(node, part.index); range.setEnd(node, part.index + part.segment.length);
      const rects = [...range.getClientRects()].filter(r => r.width);
      if (!rects.length) continue;
      const r = rects[rects.length - 1], row = Math.floor((r.top + r.height / 2 - box.top) / 60);
      const at = [...node.data.slice(0, part.index)].length;
      found[p.id].push([at, row, Math.round((r.left - box.left) * 10), Math.round((r.right - box.left) * 10)]);
    }}
  }}
  document.getElementById("out").textContent = JSON.stringify(found);
}});
</script>"""


def page() -> str:
    """The page that a browser measures."""
    font = importlib.import_module("pymupdf_fonts.FiraGO_Regular").fontbuffer
    body = ""
    for name, case in TEXTS.items():
        css = f"letter-spacing: {case.tracking / 1000}em;" + (f"width: {case.width}px;" if case.width else "")
        css += "text-align: justify;" if case.justified else ""
        kind = "box" if case.width else "line"
        body += f'<p id={name} class={kind} dir={case.way} lang="{case.language or "en"}" style="{css}">{html.escape(case.text)}</p>\n'
    return _PAGE.format(font=base64.b64encode(font).decode(), emoji=EMOJI, body=body)


def measure(browser: str) -> dict[str, list[list[int]]]:
    """Each case's clusters as the browser sets them: first character, line, left and right edge in tenths of a pixel."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "page.html"
        file.write_text(page(), encoding="utf-8")
        command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files", "--font-render-hinting=none"]
        command += [
            "--virtual-time-budget=20000",
            "--window-size=1200,6000",
            f"--user-data-dir={folder}/profile",
            "--dump-dom",
            file.as_uri(),
        ]
        made = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120)
    told = re.search(r"<pre id=\"out\">(.*?)</pre>", made.stdout, re.DOTALL)
    measured: dict[str, list[list[int]]] = json.loads(html.unescape(told.group(1))) if told else {}
    return measured


def main() -> None:
    """Measure and write."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        raise SystemExit("no Chromium is on the PATH")
    measured = measure(browser)
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(found, separators=(',', ':'))}" for name, found in measured.items())
    REFERENCES.write_text("{\n" + lines + "\n}\n", encoding="utf-8")
    print(f"{len(measured)} texts measured, {REFERENCES.stat().st_size} bytes")


if __name__ == "__main__":
    main()
