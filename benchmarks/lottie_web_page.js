// What a page does to show frames of a document by lottie-web, whose own script stands before this one.
const PASSES = 3; // of drawing a frame: an expression that reads another layer may be given that layer's last frame the first time

window.reference = {
  errors: [],
  player: null,
  first: 0, // the frame that a new player shows at once

  // Show nothing yet; resolves when fonts and pictures are there. `fonts` are {family, data: base64}.
  async load(document_, fonts, width, height) {
    const base = document.createElement("style");
    base.textContent = "html, body { margin: 0; background: #fff; overflow: hidden } " +
      "* { font-synthesis: none; text-rendering: geometricPrecision }"; // outlines as they are, on no grid of pixels
    document.head.append(base);
    for (const { family, data } of fonts) {
      const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
      for (const style of ["normal", "italic"]) {
        document.fonts.add(await new FontFace(family, bytes.buffer, { weight: "1 1000", style }).load());
      }
    }
    const place = document.createElement("div");
    place.style.cssText = `width: ${width}px; height: ${height}px; overflow: hidden`;
    document.body.append(place);
    window.addEventListener("error", (event) => this.errors.push(String(event.error ?? event.message)));
    window.addEventListener("unhandledrejection", (event) => this.errors.push(String(event.reason)));
    const sources = (document_.assets ?? []).map((asset) => asset.p).filter((p) => typeof p === "string" && p.startsWith("data:"));
    await Promise.all(sources.map((source) => decoded(source)));
    Object.assign(this, { document_: JSON.stringify(document_), place });
    return this.errors.splice(0);
  },

  // Show a frame, counted from the document's first, by a player of its own, which has shown nothing before; what failed meanwhile.
  async show(frame) {
    this.player?.destroy();
    this.first = frame;
    const data = JSON.parse(this.document_);
    const all = { x: "-100%", y: "-100%", width: "300%", height: "300%" };
    this.player = lottie.loadAnimation({
      container: this.place, renderer: "svg", loop: false, autoplay: false, animationData: data,
      rendererSettings: { preserveAspectRatio: "xMidYMid meet", filterSize: all, progressiveLoad: false },
    });
    this.player.addEventListener("error", (event) => this.errors.push(String(event.nativeError ?? event.type)));
    this.player.firstFrame = data.ip ?? 0; // it rounds
    for (let waited = 0; !this.player.isLoaded && !this.errors.length && waited < 400; waited += 1) await pause(20);
    if (!this.player.isLoaded && !this.errors.length) this.errors.push("the player does not become ready");
    if (this.errors.length) return [...new Set(this.errors.splice(0))];
    this.player.goToAndStop(frame, true);
    for (let pass = 1; pass < PASSES; pass += 1) {
      try {
        this.player.expressionsPlugin?.resetFrame();
        this.player.renderer.renderFrame(null);
      } catch (error) {
        this.errors.push(String(error));
      }
    }
    await document.fonts.ready;
    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    return [...new Set(this.errors.splice(0))];
  },
};

const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

async function decoded(source) {
  const image = new Image();
  image.src = source;
  await image.decode().catch(() => {});
}

// A letter's advance with the kerning to the next one, which the player leaves out: it measures each letter alone.
const KERNED = /[\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}\p{P}\p{N} ]/u;
window.kernedAdvance = function (fonts, letters, at, document_) {
  if (/[\r\n\u0003]/.test(letters[at])) return 0;
  const own = fonts.measureText(letters[at], document_.f, document_.finalSize);
  const next = letters[at + 1];
  const helper = fonts.getFontByName(document_.f).helper;
  if (!next || !helper || !KERNED.test(letters[at]) || !KERNED.test(next)) return own;
  const measured = (text) => helper.measureText(`|${text}|`);
  const both = measured(letters[at] + next) + measured("") - measured(letters[at]) - measured(next);
  return own + (both / 100) * document_.finalSize;
};
