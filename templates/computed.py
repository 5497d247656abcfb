"""A document in which nearly everything is computed: expressions of each kind that templates use, and others that read them."""

from templates.lottie import layers, shapes
from templates.lottie.document import document
from templates.lottie.layers import Place
from templates.lottie.values import Json, moving, slot
from templates.simple import BALL, PAPER, RATE

WIGGLE = "$bm_rt = wiggle(3, 24);"
BOUNCE = """var n = 0;
if (numKeys > 0) { n = nearestKey(time).index; if (key(n).time > time) { n--; } }
if (n > 0) {
  var t = time - key(n).time, v = velocityAtTime(key(n).time - thisComp.frameDuration / 10);
  $bm_rt = $bm_sum(value, $bm_mul(v, $bm_div(Math.sin(t * 12), Math.exp(t * 4)) / 12));
} else { $bm_rt = value; }"""
# Of each mark: its place on the picture's width, what is computed of it, and by what.
MARKS = (
    ("cycle", "r", "$bm_rt = loopOut('cycle');"),
    ("offset", "r", "$bm_rt = loopOut('offset');"),
    ("bounce", "s", BOUNCE),
    ("eased", "o", "$bm_rt = ease(time % 1, 0, 1, 20, 100);"),
    ("stepped", "r", "posterizeTime(6); $bm_rt = time * 90;"),
    ("late", "p", "$bm_rt = $bm_sum(value, [0, thisComp.layer('led').transform.position.valueAtTime(time - 0.3)[1] / 4]);"),
    ("led", "p", "seedRandom(7, true); $bm_rt = [value[0] + random(-9, 9), value[1] + noise(time * 3) * 20];"),
    ("driven", "s", "var a = effect('Size')('Slider'); $bm_rt = [a, a * (effect('Wide')('Checkbox') ? 1.5 : 1)];"),
)


def computed_document(text: str, seconds: float = 2, size: tuple[int, int] = (320, 180)) -> Json:
    """Return a document with a text (`frl_title`), and what is computed: a counter, a shaken ball (slot `primary`), a row of marks."""
    width, height = size
    frames = round(seconds * RATE)
    box, ink = (width * 0.9, height * 0.3), {"a": 0, "k": [0.133, 0.188, 0.31]}
    title = layers.text("frl_title", text, box, height * 0.15, ink, place=Place(at=(width / 2, height * 0.2)))
    counter = layers.text("counter", "0", box, height * 0.12, ink, place=Place(at=(width / 2, height * 0.42)))
    counter["t"]["d"]["x"] = _code("$bm_rt = Math.round(linear(time, 0, 2, 0, 12345)).toString().replace(/\\B(?=(\\d{3})+(?!\\d))/g, ',');")
    disc = shapes.group("ball", shapes.ellipse((height * 0.2,) * 2), shapes.fill(slot("primary", BALL)))
    ball = layers.shapes("ball", disc, place=Place(at={"a": 0, "k": [width / 2, height * 0.62], "x": _code(WIGGLE)}))
    marks = [
        _mark(name, key, code, (width * (index + 1) / 9, height * 0.86), frames, height) for index, (name, key, code) in enumerate(MARKS)
    ]
    paper = shapes.group("paper", shapes.rectangle(size, (width / 2, height / 2)), shapes.fill(slot("background", PAPER)))
    stack = [title, counter, ball, *marks, layers.shapes("paper", paper)]
    return document("Computed", size, frames, stack, colours={"primary": BALL, "background": PAPER})


def _mark(name: str, key: str, code: str, at: tuple[float, float], frames: int, height: float) -> Json:
    own = {
        "p": {"a": 0, "k": list(at)},
        "r": moving((0, 0), (frames // 4, 70)),
        "s": moving((0, (30, 30)), (frames // 3, (100, 100))),
        "o": {"a": 0, "k": 100},
    }
    own[key] = own[key] | {"x": _code(code)}
    place = Place(at=own["p"], turn=own["r"], scale=own["s"], opacity=own["o"])
    body = shapes.group(name, shapes.rectangle((height * 0.14, height * 0.07), (0, 0)), shapes.fill({"a": 0, "k": [0.16, 0.36, 0.5]}))
    return layers.shapes(name, body, place=place) | {"ef": [_control("Size", "Slider", 0, 80), _control("Wide", "Checkbox", 7, 1)]}


def _control(name: str, kind: str, type_: int, value: float) -> Json:
    match = f"ADBE {kind} Control"
    inside = {"ty": type_, "nm": kind, "mn": f"{match}-0001", "ix": 1, "v": {"a": 0, "k": value}}
    return {"ty": 5, "nm": name, "mn": match, "np": 3, "ix": 1, "en": 1, "ef": [inside]}


def _code(code: str) -> str:
    return f"var $bm_rt;\n{code}"
