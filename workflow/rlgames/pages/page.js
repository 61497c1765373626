"use strict";
/* Tables that sort, and learning curves to look into: plain SVG, no library. */

const make = (name, facts = {}, ...inner) => {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(facts)) element.setAttribute(key, value);
  element.append(...inner);
  return element;
};
const draw = (name, facts = {}, text) => {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(facts)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  return element;
};

/* Contents */

const wide = matchMedia("(min-width: 64rem)"), contents = document.querySelector("nav details");  // as in page.css
const unfold = () => { contents.open = wide.matches; };
wide.addEventListener("change", unfold);
unfold();

/* Tables */

for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells], body = table.tBodies[0];
  heads.forEach((head, column) => {
    const button = make("button", {type: "button"}, head.textContent);
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") !== "ascending", sign = up ? 1 : -1;
      heads.forEach(other => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const numeric = head.classList.contains("number");
      const key = row => row.cells[column].dataset.value ?? row.cells[column].textContent;
      const value = row => key(row) === "" || !Number.isFinite(Number(key(row))) ? null : Number(key(row));
      const compare = numeric
        ? (a, b) => (value(a) === null) - (value(b) === null) || sign * (value(a) - value(b))
        : (a, b) => sign * key(a).localeCompare(key(b), "en", {numeric: true});
      body.append(...[...body.rows].sort(compare));
    });
  });
}

/* Curves */

const WIDEST = 1040, NARROWEST = 300, LEFT = 64, RIGHT = 16, TOP = 12, BOTTOM = 46;
const DASHES = ["", "8 4", "2 4", "10 3 2 3"];
const CROWD = 6;  // more single lines than these hide the means, so at first only seeds with a video are drawn
let charts = 0;
const number = value => Math.abs(value) >= 1e5 || Number.isInteger(value)
  ? Math.round(value).toLocaleString("en") : Number(value.toPrecision(4)).toString();

/** Round numbers between two ends, some five of them; on a log axis powers of ten and what lies between. */
function ticks(low, high, log) {
  if (log) {
    const found = [];
    for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++)
      for (const times of [1, 2, 5]) found.push(times * 10 ** power);
    return found.filter(tick => tick >= low && tick <= high);
  }
  const rough = (high - low) / 5 || 1, power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find(times => times * power >= rough), found = [];
  for (let tick = Math.ceil(low / step) * step; tick <= high + step / 1e6; tick += step) found.push(Number(tick.toPrecision(10)));
  return found;
}

/** The colours of a curve, of which page.css takes that of the scheme. */
const colours = ({colours: {light, dark}}) => `--light: ${light}; --dark: ${dark}`;

/** One panel of a figure, with buttons for its curves and seeds, and what is under the pointer in words. */
function chart(panel) {
  const lines = panel.curves.flatMap(curve => curve.seeds), few = seeds => lines.filter(line => seeds.includes(line.seed)).length <= CROWD;
  const seedsOf = lines => [...new Set(lines.map(line => line.seed))].sort((a, b) => a - b);
  const numbers = seedsOf(lines), filmed = seedsOf(lines.filter(line => line.video));
  const on = new Set(panel.curves.map(curve => curve.name)), middle = panel.single === null ? "mean" : "bold line";
  const seeds = new Set([middle, ...[numbers, filmed].find(some => numbers.length === 1 || few(some)) ?? []]);
  const limits = panel.limits && `${number(panel.limits[0])} to ${number(panel.limits[1])}`, axis = new Set([limits]);
  const frame = `frame-${charts++}`;
  const svg = draw("svg", {role: "application", tabindex: 0,
    "aria-label": `${panel.y} against ${panel.x.toLowerCase()}. The left and right arrows move from value to value, up and down from line to line.`});
  const films = filmed.length ? " A ringed value of a seed has a video." : "";
  const said = make("p", {class: "said", role: "status"}, `Point at a curve, or use the arrow keys, to read its seed and value.${films}`);
  let places = [], at = null, before = null, touch = false, WIDTH = WIDEST, HEIGHT = 420;

  const scale = () => {
    const shown = panel.curves.flatMap(curve => [curve.mean, ...curve.seeds, ...curve.seeds.map(line => line.points)]);
    const xs = shown.flatMap(line => line.x).filter(Number.isFinite);
    const ys = shown.flatMap(line => line.y).filter(y => Number.isFinite(y) && (!panel.log || y > 0));
    const within = limits && axis.has(limits);
    const [left, right] = [Math.min(...xs), Math.max(...xs)], [low, high] = within ? panel.limits : [Math.min(...ys), Math.max(...ys)];
    const bend = panel.log ? Math.log10 : y => y, room = within ? 0 : (bend(high) - bend(low) || 1) * .04;
    const x = value => LEFT + (value - left) / (right - left || 1) * (WIDTH - LEFT - RIGHT);
    const y = value => HEIGHT - BOTTOM - (bend(value) - bend(low) + room) / (bend(high) - bend(low) + 2 * room || 1) * (HEIGHT - TOP - BOTTOM);
    return {x, y, left, right, low, high, within};
  };
  const path = (line, {x, y}, ys = line.y) => {
    let pen = "M";
    return line.x.map((value, i) => {
      if (!Number.isFinite(ys[i]) || (panel.log && ys[i] <= 0)) { pen = "M"; return ""; }
      const part = `${pen}${x(value).toFixed(1)} ${y(ys[i]).toFixed(1)}`;
      pen = "L";
      return part;
    }).join("");
  };

  /** The parts of a mean that have a band. */
  function parts({x, low, high}) {
    const found = [];
    let part = null;
    x.forEach((value, i) => {
      const has = Number.isFinite(low[i]) && Number.isFinite(high[i]) && !(panel.log && low[i] <= 0);
      if (!has) { part = null; return; }
      if (part === null) found.push(part = {x: [], low: [], high: []});
      part.x.push(value); part.low.push(low[i]); part.high.push(high[i]);
    });
    return found.filter(each => each.x.length > 1);
  }
  function paint() {
    WIDTH = Math.min(Math.max(svg.clientWidth || WIDEST, NARROWEST), WIDEST);  // letters keep their size on a phone
    HEIGHT = Math.round(160 + .29 * WIDTH);
    svg.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
    const scales = scale(), {x, y, left, right, low, high, within} = scales;
    svg.replaceChildren();
    places = [];
    for (const tick of ticks(low, high, panel.log)) {
      svg.append(draw("line", {class: "grid", x1: LEFT, x2: WIDTH - RIGHT, y1: y(tick), y2: y(tick)}),
        draw("text", {x: LEFT - 8, y: y(tick) + 4, "text-anchor": "end"}, number(tick)));
    }
    for (const tick of ticks(left, right, false).filter((_, i, all) => WIDTH > 500 || i % 2 === all.length % 2))
      svg.append(draw("text", {x: x(tick), y: HEIGHT - BOTTOM + 18, "text-anchor": "middle"}, number(tick)));
    svg.append(draw("line", {class: "axis", x1: LEFT, x2: WIDTH - RIGHT, y1: HEIGHT - BOTTOM, y2: HEIGHT - BOTTOM}),
      draw("text", {x: (LEFT + WIDTH - RIGHT) / 2, y: HEIGHT - 6, "text-anchor": "middle"}, panel.x),
      draw("text", {transform: `translate(14 ${(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)`, "text-anchor": "middle"}, panel.y));
    const layers = {bands: draw("g"), lines: draw("g"), means: draw("g"), points: draw("g")};  // no line hides a mean
    const inside = draw("g", within ? {"clip-path": `url(#${frame})`} : {});
    inside.append(...Object.values(layers));
    if (within) {
      const clip = draw("clipPath", {id: frame});
      clip.append(draw("rect", {x: 0, y: TOP, width: WIDTH, height: HEIGHT - TOP - BOTTOM}));
      svg.append(clip);
    }
    svg.append(inside);
    panel.curves.forEach((curve, place) => {
      if (!on.has(curve.name)) return;
      const look = kind => ({class: `curve ${kind}`, style: colours(curve)});
      if (seeds.has(middle)) {
        for (const part of parts(curve.mean)) {
          const back = {x: [...part.x].reverse()}, lows = [...part.low].reverse();
          const area = path(part, scales, part.high) + path(back, scales, lows).replace("M", "L");
          layers.bands.append(draw("path", {...look("band"), d: `${area}Z`}));
        }
        layers.means.append(draw("path", {...look("mean"), d: path(curve.mean, scales), "stroke-dasharray": DASHES[place % DASHES.length]}));
        note(curve, null, curve.mean, panel.single === null ? "mean over seeds" : `seed ${panel.single}`, scales);
      }
      for (const line of curve.seeds.filter(line => seeds.has(line.seed))) {
        layers.lines.append(draw("path", {...look("line"), d: path(line, scales)}));
        note(curve, line, line, panel.of, scales);
        line.points.x.forEach((value, i) => {
          if (Number.isFinite(line.points.y[i]))
            layers.points.append(draw("circle", {...look("point"), cx: x(value), cy: y(line.points.y[i]), r: 4.5}));
        });
        note(curve, line, line.points, "evaluation", scales);
      }
    });
    for (const place of places.flat().filter(place => place.video))
      layers.points.append(draw("circle", {class: "filmed", cx: place.x, cy: place.y, r: 6.5}));
    svg.append(draw("circle", {class: "mark", r: 7, visibility: "hidden"}));
  }
  /** Remember where the values of a line lie, for pointer and keys. A video shows the agent at the end of its training. */
  function note(curve, line, values, what, {x, y, within, low, high}) {
    const filmed = line !== null && values === (line.points.x.length ? line.points : line) ? line.video : null;
    const found = values.x.map((value, i) => ({value, level: values.y[i], curve, line, what, video: i === values.x.length - 1 ? filmed : null}))
      .filter(place => Number.isFinite(place.level) && (!panel.log || place.level > 0))
      .filter(place => !within || (place.level >= low && place.level <= high));
    found.forEach(place => Object.assign(place, {x: x(place.value), y: y(place.level)}));
    if (found.length) places.push(found);
  }
  function say(row, column, aloud) {
    at = [row, column];
    said.setAttribute("aria-live", aloud ? "polite" : "off");
    const place = places[row][column], who = place.line === null ? "" : `, seed ${place.line.seed}`;
    const how = touch && !aloud ? "Another tap" : "Enter or a click";
    const unit = panel.x.toLowerCase(), where = unit === "episode" ? `episode ${number(place.value)}` : `${number(place.value)} ${unit}`;
    said.textContent = `${place.curve.name}${who}: ${place.what} ${number(place.level)} at ${where}.${place.video ? ` ${how} shows its video.` : ""}`;
    const mark = svg.querySelector(".mark");
    mark.setAttribute("cx", place.x);
    mark.setAttribute("cy", place.y);
    mark.setAttribute("visibility", "visible");
    svg.style.cursor = place.video ? "pointer" : "crosshair";
  }
  function show() {
    const place = at && places[at[0]]?.[at[1]], target = place?.video && document.getElementById(place.video);
    if (!target) return;
    target.scrollIntoView();
    target.focus({preventScroll: true});
    target.querySelector("video").play().catch(() => {});
  }
  const near = event => {
    const box = svg.getBoundingClientRect(), factor = WIDTH / box.width;
    const [px, py] = [(event.clientX - box.left) * factor, (event.clientY - box.top) * factor];
    let best = [Infinity];
    places.forEach((row, r) => row.forEach((place, c) => {
      const distance = (place.x - px) ** 2 + (place.y - py) ** 2;
      if (distance < best[0]) best = [distance, r, c];
    }));
    if (best.length > 1) say(best[1], best[2], false);
  };
  const point = event => {
    touch = event.pointerType === "touch";
    near(event);
  };
  svg.addEventListener("pointermove", point);
  svg.addEventListener("pointerdown", event => {
    before = at;
    point(event);
  });
  svg.addEventListener("click", event => {
    near(event);
    if (!touch || before?.join() === at?.join()) show();  // a first tap says what a mouse says before its click
  });
  svg.addEventListener("keydown", event => {
    const move = {ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0]}[event.key];
    if (event.key === "Enter") return show();
    if (!move || !places.length) return;
    event.preventDefault();
    const row = Math.min(Math.max((at?.[0] ?? 0) + move[0], 0), places.length - 1);
    const column = Math.min(Math.max((at?.[1] ?? -1) + move[1], 0), places[row].length - 1);
    say(row, column, true);
  });

  const keys = (title, names, chosen, label, colour) => {
    const row = make("div", {class: "keys", role: "group", "aria-label": title}, make("span", {}, title));
    for (const name of names) {
      const button = make("button", {type: "button", "aria-pressed": chosen.has(name)}, label(name));
      if (colour) button.prepend(make("i", {class: "curve", style: colour(name)}));
      button.addEventListener("click", () => {
        chosen.has(name) ? chosen.delete(name) : chosen.add(name);
        button.setAttribute("aria-pressed", chosen.has(name));
        at = null;
        paint();
      });
      row.append(button);
    }
    return row;
  };
  const empty = new Set(panel.curves.filter(curve => !curve.mean.x.length && !curve.seeds.length).map(curve => curve.name));
  const styles = Object.fromEntries(panel.curves.map(curve => [curve.name, colours(curve)]));
  const box = make("div");
  if (panel.title) box.append(make("h3", {}, panel.title));
  box.append(svg, said, keys("Curves", panel.curves.map(curve => curve.name), on, name => empty.has(name) ? `${name} (diverged)` : name, name => styles[name]));
  const some = numbers.length < panel.seeds ? `Seeds (the first ${numbers.length} of ${panel.seeds})` : "Seeds";
  if (numbers.length > 1) {
    const row = keys(some, [middle, ...numbers], seeds, seed => `${seed}`), buttons = [...row.children].slice(2);
    for (const [name, wanted] of [["all", "false"], ["none", "true"]]) {
      const button = make("button", {type: "button", class: "plain"}, name);
      button.addEventListener("click", () => buttons.filter(one => one.getAttribute("aria-pressed") === wanted).forEach(one => one.click()));
      row.append(button);
    }
    box.append(row);
  }
  if (limits) box.append(keys("Vertical axis", [limits], axis, name => name));
  new ResizeObserver(() => { at = null; paint(); }).observe(svg);
  return box;
}

const data = JSON.parse(document.getElementById("data").textContent);
for (const place of document.querySelectorAll(".chart")) {
  place.append(...data[place.dataset.figure].map(chart));
  place.hidden = false;
  const figure = place.parentElement, whole = make("button", {type: "button", class: "plain", "aria-expanded": "false"}, "Show the picture as printed");
  figure.classList.add("charted");
  whole.addEventListener("click", () => whole.setAttribute("aria-expanded", figure.classList.toggle("whole")));
  place.after(whole);
}
