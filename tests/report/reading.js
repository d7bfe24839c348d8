// What the browser test asks of a page: an object of functions.
({
  // Texts whose contrast with anything behind them is below `least` (WCAG 2.2, 1.4.3).
  faint(least) {
    const parsed = (text) => {
      const [r, g, b, alpha = 1] = text.match(/[\d.]+(e-\d+)?/g).map(Number);
      const scale = text.startsWith("color(") ? 255 : 1;
      return { rgb: [r * scale, g * scale, b * scale], alpha };
    };
    const over = (top, below) => top.rgb.map((c, i) => c * top.alpha + below[i] * (1 - top.alpha));
    const colours = (image) => image.match(/(rgba?|color)\([^()]*\)/g) || [];
    const behind = (element) => {  // every colour that may lie behind: plain, and on each stripe
      if (!element) return [[255, 255, 255]];
      const style = getComputedStyle(element);
      const below = behind(element.parentElement);
      const plain = below.map((rgb) => over(parsed(style.backgroundColor), rgb));
      const striped = colours(style.backgroundImage).flatMap((stripe) =>
        plain.map((rgb) => over(parsed(stripe), rgb)));
      return [...plain, ...striped];
    };
    const luminance = (rgb) => {
      const [r, g, b] = rgb.map((c) => c / 255)
        .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const contrast = (one, other) => {
      const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
      return (light + 0.05) / (dark + 0.05);
    };
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const found = [];
    let n = 0;
    while (texts.nextNode()) {
      const element = texts.currentNode.parentElement;
      const text = texts.currentNode.data.trim();
      if (!text || !element.checkVisibility()) continue;
      n += 1;
      const style = getComputedStyle(element);
      const ink = parsed(element instanceof SVGElement ? style.fill : style.color);
      for (const ground of behind(element)) {
        const ratio = contrast(over(ink, ground), ground);
        if (ratio < least) found.push(`${ratio.toFixed(2)} ${text.slice(0, 60)}`);
      }
    }
    return { n, found };
  },

  // Letters of a text that no font has, drawn as the browser draws what does not exist.
  tofu({ selector, letters }) {
    const context = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    const style = getComputedStyle(document.querySelector(selector));
    context.font = `${style.fontSize} ${style.fontFamily}`;
    const drawn = (letter) => {
      context.clearRect(0, 0, 60, 60);
      context.fillText(letter, 10, 40);
      return context.getImageData(0, 0, 60, 60).data.join();
    };
    const [nothing, none] = [drawn(""), drawn("\u0378")];
    return letters.filter((letter) => [nothing, none].includes(drawn(letter)));
  },

  // Which way the elements of a selector are written.
  directions(selector) {
    return [...document.querySelectorAll(selector)].map((it) => getComputedStyle(it).direction);
  },

  // Room that the ink leaves in each element of a selector: [left, right], in pixels.
  gaps(selector) {
    return [...document.querySelectorAll(selector)].map((it) => {
      const words = document.createRange();
      words.selectNodeContents(it);
      const [box, ink] = [it.getBoundingClientRect(), words.getBoundingClientRect()];
      return [ink.left - box.left, box.right - ink.right];
    });
  },

  // Elements that reach beyond the window, though nothing around them scrolls.
  wide() {
    const scrolls = (element) => element && (element.matches(".wide") || scrolls(element.parentElement));
    return [...document.body.querySelectorAll("*")]
      .filter((element) => !element.matches(".skip") && !scrolls(element))
      .filter((element) => {
        const { left, right } = element.getBoundingClientRect();
        return left < -0.5 || right > innerWidth + 0.5;
      })
      .map((element) => `${element.tagName} ${element.className} ${element.textContent.slice(0, 40)}`);
  },
})
