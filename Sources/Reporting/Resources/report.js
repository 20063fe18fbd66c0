"use strict";
// Filters, search, values under the pointer, sorting and the theme. Without it the page shows the same settings as at first.
(() => {
const data = JSON.parse(document.getElementById("data").textContent);
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const make = (name, attributes, ...children) => {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) element[key] = value;
    element.append(...children);
    return element;
};
const fill = (element, ...children) => element.replaceChildren(...children);
const counted = (n) => n.toLocaleString("en-US");
const spread = (list, limit) => list.length <= limit ? list
    : Array.from({length: limit}, (_, i) => list[Math.floor(i * (list.length - 1) / (limit - 1))]);

// MARK: - What is asked for

const rows = all("#runs tbody tr"), body = document.querySelector("#runs tbody");
const cell = (row, name) => row.cells[data.keys.length + (name == "seed" ? 0 : 1)].textContent;
const facets = data.keys.map((name, k) => ({name, values: data.values[k], has: (row) => data.values[k][data.settings[row.dataset.s][k]]}));
for (const name of ["seed", "status"]) {
    facets.push({name, values: [...new Set(rows.map((row) => cell(row, name)))], has: (row) => cell(row, name)});
}
facets.forEach((facet) => facet.off = new Set());
const swept = facets.slice(0, data.keys.length);
const isOn = (setting) => !hidden.has(setting) && swept.every((facet, k) => !facet.off.has(facet.values[data.settings[setting][k]]));
const label = (setting) => data.keys.map((key, k) => [key, data.values[k][data.settings[setting][k]]])
    .filter(([, value]) => value != "–").map(([key, value]) => `${key}=${value}`).join(" ") || "all runs";
const hidden = new Set();
let query = "", theme = "auto", drawn = data.shown.map((setting, slot) => [slot, setting]);

// The view is in the address: #section?q=words&off.lr=0.1&theme=dark. Of long lists the values that are on.
function address() {
    const asked = new URLSearchParams();
    if (query) asked.append("q", query);
    for (const {name, values, off} of facets) {
        const isShort = off.size * 2 <= values.length;
        const listed = values.filter((value) => off.has(value) == isShort);
        if (off.size) for (const value of listed.length ? listed : [""]) asked.append(`${isShort ? "off" : "on"}.${name}`, value);
    }
    if (hidden.size) asked.append("hide", [...hidden].join("."));
    if (theme != "auto") asked.append("theme", theme);
    return asked.size ? `?${asked}` : "";
}
const write = () => history.replaceState(null, "", `#${location.hash.slice(1).split("?")[0]}${address()}`);
function read(text) {
    const asked = new URLSearchParams(text);
    query = asked.get("q") ?? "";
    for (const facet of facets) {
        const on = asked.has(`on.${facet.name}`) && new Set(asked.getAll(`on.${facet.name}`));
        const off = new Set(asked.getAll(`off.${facet.name}`));
        facet.off = new Set(facet.values.filter((value) => on ? !on.has(value) : off.has(value)));
    }
    hidden.clear();
    (asked.get("hide")?.split(".") ?? []).map(Number).filter((s) => s < data.settings.length).forEach((s) => hidden.add(s));
    if (asked.has("theme")) theme = asked.get("theme");
}

// MARK: - Points of curves

const bits = new Uint32Array(1), real = new Float32Array(bits.buffer);
// The upper bytes of a 32-bit float.
const float = (bytes, at, count) => {
    bits[0] = 0;
    for (let i = 0; i < count; i++) bits[0] |= bytes[at + i] << 8 * (4 - count + i);
    return real[0];
};
const place = new Map(data.kept.map((setting, i) => [setting, i]));
// Points of a setting in a chart, as far as the page has them.
const points = (chart, setting) => data.charts[chart] && place.has(setting) ? unpack(data.charts[chart], place.get(setting), data.kept.length) : [];
// The points of one of several curves: step, mean (NaN: undefined), ends of the band, number of values.
function unpack(own, position, count) {
    const width = own.band ? 8 : 3, list = (i) => data.steps[own.steps[own.steps.length == 1 ? 0 : i]];
    own.bytes ??= Uint8Array.from(atob(own.points), (c) => c.charCodeAt(0));
    if (!own.starts) {
        own.starts = [0];
        for (let i = 0; i < count; i++) own.starts.push(own.starts[i] + list(i).length * width);
    }
    return list(position).map((step, i) => {
        const at = own.starts[position] + i * width, mean = float(own.bytes, at, 3);
        return own.band
            ? {step, mean, low: mean - float(own.bytes, at + 3, 2), high: mean + float(own.bytes, at + 5, 2), n: own.bytes[at + 7]}
            : {step, mean, low: mean, high: mean, n: isNaN(mean) ? 0 : 1};
    });
}
// 0 to 1 along an axis, as Scale.swift has it.
function position([kind, low, high, threshold], value) {
    const symlog = (v) => Math.sign(v) * Math.log1p(Math.abs(v) / threshold);
    const part = kind == "categories" ? (value + 0.5) / high : kind == "linear" ? (value - low) / (high - low)
        : kind == "symlog" ? (symlog(value) - symlog(low)) / (symlog(high) - symlog(low))
        : Math.log(value / low) / Math.log(high / low);
    if (kind == "logWithZero") return value <= 0 ? 0 : high > low ? data.zero + (1 - data.zero) * part : 1;
    return Math.min(1, Math.max(0, high > low ? part : 0.5)) || 0;
}
const across = (own, slot, step) => own.once ? (slot + 0.5) / data.shown.length : position(data.x, step);
const W = 1700, H = 1080;

function draw(svg) {
    const chart = svg.dataset.c, own = data.charts[chart];
    if (!own) return;
    all("g[class^=s]", svg).forEach((group) => group.remove());
    const node = (name, attributes) => {
        const element = document.createElementNS(svg.namespaceURI, name);
        for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
        return element;
    };
    const at = (slot, point, value) => `${Math.round(across(own, slot, point.step) * W)} ${Math.round((1 - position(own.y, value)) * H)}`;
    for (const [slot, setting] of drawn) {
        const found = points(chart, setting), group = node("g", {class: `s${slot}`, transform: "scale(.1)"});
        const stretches = [[]];
        for (const point of found) isNaN(point.mean) ? stretches.push([]) : stretches.at(-1).push(point);
        if (found.filter((point) => !isNaN(point.mean)).length == 1) {
            const [point] = stretches.flat(), [cx, cy] = at(slot, point, point.mean).split(" ");
            group.append(node("path", {class: "l", d: `M${at(slot, point, point.low)}L${at(slot, point, point.high)}`}), node("circle", {cx, cy, r: 32}));
        } else {
            const line = (list, key) => list.map((point) => at(slot, point, point[key])).join("L");
            const long = stretches.filter((list) => list.length > 0);
            const bands = long.filter((list) => list.length > 1 && list.some((point) => point.low < point.high));
            if (bands.length) group.append(node("path", {class: "b", d: bands.map((list) => `M${line(list, "high")}L${line(list.toReversed(), "low")}z`).join("")}));
            group.append(node("path", {class: "l", d: long.map((list) => `M${line(list, "mean")}`).join("")}));
        }
        svg.append(group);
    }
    if (own.once) all(".xt text", svg).forEach((text, slot) => fill(text, data.values.map((values, k) => values[data.settings[drawn.find(([s]) => s == slot)?.[1]]?.[k]] ?? "").join(", ")));
}

// A map of layers at the last step, for another setting.
function map(svg, setting) {
    const {ramp: [letter, low, high], cells} = data.maps[svg.dataset.m];
    fill(svg.querySelector(".ht"), label(setting));
    all("g", svg).forEach((group, i) => {
        const last = points(cells[i], setting).at(-1), mean = last?.mean ?? NaN, size = Math.abs(mean);
        const part = Math.min(1, Math.max(0, (mean - low) / (high - low)));
        group.setAttribute("class", isNaN(mean) ? "q" : letter + Math.round(part * 20));
        fill(group.querySelector("text"), isNaN(mean) ? "–" : size < 100 && (size == 0 || size >= 0.005) ? mean.toFixed(size < 10 ? 2 : 1) : mean.toPrecision(2));
        group.dataset.tip = `${group.dataset.tip.split(": ")[0]}: ${isNaN(mean) ? "no value" : words(last)}`;
    });
}

// MARK: - Showing it

const around = (leaf) => [["section", "h2"], ["details", "summary"], ["figure", "h3"], [".block", "h4"], ["tbody.group", "th[scope=rowgroup]"]]
    .map(([outer, inner]) => leaf.closest(outer)?.querySelector(inner)?.textContent ?? "").join(" ");
const leaves = all("svg.chart, .heats, figure.declared, .claims li, #numbers tbody tr:not(:first-child)")
    .map((element) => ({element, text: `${(element.matches("li, tr") ? element : element.querySelector(".ct"))?.textContent ?? ""} ${element.dataset.q ?? ""} ${around(element)}`.toLowerCase()}));
for (const row of rows) leaves.push({element: row, row, text: `${label(row.dataset.s)} ${row.title} ${row.textContent}`.toLowerCase()});
const holders = all(".block, figure, main details, tbody.group, section").filter((holder) => leaves.some(({element}) => holder != element && holder.contains(element))).reverse();

function apply() {
    const matching = data.settings.map((_, s) => s).filter(isOn);
    const isFew = data.settings.length <= data.shown.length;
    const next = isFew ? matching.map((s) => [s, s]) : spread(matching.filter((s) => place.has(s)), data.shown.length).map((s, slot) => [slot, s]);
    if (String(next) != String(drawn)) {
        drawn = next;
        const settingOf = new Map(drawn);
        all("svg.chart").forEach(draw);
        for (const element of all("[data-slot]")) {
            const slot = Number(element.dataset.slot), setting = settingOf.get(slot);
            element.classList.toggle("off", setting === undefined && !element.matches(".legend label"));
            if (setting === undefined || isFew) continue;
            if (element.matches("svg.heat")) map(element, setting);
            else if (element.matches("td")) {
                const [mean, rest] = data.numbers[element.parentNode.dataset.r][place.get(setting)].split("\t");
                fill(element, mean, make("i", {}, rest ?? ""));
            } else fill(element.querySelector("span.name"), label(setting));
        }
    }
    all(".legend label").forEach((entry) => entry.classList.toggle("faint", !drawn.some(([slot]) => slot == entry.dataset.slot)));
    all("svg.figure [data-key]").forEach((key) => key.classList.toggle("faint", !isOn(key.dataset.key)));
    all("svg.figure [data-s]").forEach((mark) => mark.classList.toggle("off", !isOn(mark.dataset.s)));
    const asked = query.toLowerCase().split(/\s+/).filter(Boolean);
    const sums = {charts: [0, 0], runs: [0, 0]};
    for (const {element, text, row} of leaves) {
        const isFound = asked.every((word) => text.includes(word)) && (!row || isOn(row.dataset.s) && facets.every((facet) => !facet.off.has(facet.has(row))));
        element.classList.toggle("off", !isFound);
        const sum = sums[row ? "runs" : element.matches("svg, .declared, .heats") ? "charts" : "others"];
        if (sum) sum[1]++, sum[0] += isFound;
    }
    for (const holder of holders) {
        const isEmpty = asked.length > 0 && !leaves.some(({element}) => holder.contains(element) && !element.classList.contains("off"));
        holder.classList.toggle("off", isEmpty);
        if (!holder.matches("details") || holder.open == (asked.length > 0) || isEmpty) continue;
        // What a search opened closes after it.
        if (asked.length) holder.dataset.found = holder.open = true;
        else if (holder.dataset.found) { holder.open = false; delete holder.dataset.found; }
    }
    document.body.classList.toggle("found", asked.length > 0);
    const part = ([some, of], name) => `${some == of ? "" : `${counted(some)} of `}${counted(of)} ${name}`;
    const settings = data.settings.length > 1 ? [part([matching.length, data.settings.length], "settings") + (drawn.length < matching.length ? ` (${drawn.length} drawn${data.kept.length < data.settings.length ? `, ${counted(data.kept.length)} can be` : ""})` : "")] : [];
    fill(count, [...settings, part(sums.charts, "figures"), part(sums.runs, "runs")].join(" · "));
    const off = facets.reduce((sum, facet) => sum + (facet.off.size > 0), 0);
    fill(filters.firstChild, off ? `Filters (${off})` : "Filters");
    for (const facet of facets) for (const box of facet.boxes) box.checked = !facet.off.has(box.value);
    document.documentElement.dataset.theme = theme;
    if (search.value != query) search.value = query;
    themes.value = theme;
}
const change = () => { apply(); write(); };

const count = make("output", {id: "count"});
const search = make("input", {type: "search", id: "search", placeholder: "Search outputs, layers, runs  ( / )", ariaLabel: "Search"});
const themes = make("select", {id: "theme", ariaLabel: "Colours of the page"}, ...["auto", "light", "dark"].map((name) => make("option", {value: name}, name)));
const filters = make("details", {id: "filters"}, make("summary", {}), ...facets.filter(({values}) => values.length > 1).map((facet) => {
    const set = (off) => () => { facet.off = new Set(off ? facet.values : []); change(); };
    return make("fieldset", {}, make("legend", {}, facet.name), make("button", {type: "button", onclick: set(false)}, "all"), make("button", {type: "button", onclick: set(true)}, "none"),
        make("div", {className: "chips"}, ...facet.values.map((value) => make("label", {}, make("input", {type: "checkbox", value, name: facet.name,
            onchange: (event) => { facet.off[event.target.checked ? "delete" : "add"](value); change(); }}), make("span", {}, facet.name == "status" ? `${value} ${counted(rows.filter((row) => facet.has(row) == value).length)}` : value)))));
}));
document.body.prepend(make("div", {id: "tools"}, make("div", {}, search, count, filters, themes)));
for (const facet of facets) facet.boxes = all("#filters input").filter((box) => box.name == facet.name);
search.oninput = () => { query = search.value; change(); };
themes.onchange = () => {
    theme = themes.value;
    try { localStorage.setItem("syzygy.theme", theme); } catch { /* a page without storage */ }
    change();
};
addEventListener("keydown", (event) => {
    if (event.key == "/" && !event.target.matches("input, select")) { event.preventDefault(); search.focus(); }
    if (event.key == "Escape") { filters.open = false; if (query) { query = ""; change(); } hide(); }
});
for (const entry of all(".legend label")) entry.onclick = () => {
    const slot = Number(entry.dataset.slot), setting = data.settings.length <= data.shown.length ? slot : new Map(drawn).get(slot);
    if (setting !== undefined) hidden.delete(setting) || hidden.add(setting);
    change();
};

// MARK: - Sorting runs

all("#runs thead th").forEach((head, column) => {
    const value = (row) => row.cells[column].dataset.v ?? row.cells[column].textContent;
    head.tabIndex = 0;
    head.onkeydown = (event) => event.key == "Enter" && head.onclick();
    head.onclick = () => {
        const sign = head.ariaSort == "ascending" ? -1 : 1;
        all("#runs thead th").forEach((other) => other.ariaSort = null);
        head.ariaSort = sign > 0 ? "ascending" : "descending";
        const keyed = rows.map((row, i) => [value(row), i, row]);
        const isNumber = keyed.every(([text]) => text == "" || text == "–" || !isNaN(text));
        keyed.sort(([a, i], [b, j]) => sign * (isNumber ? (parseFloat(a) || 0) - (parseFloat(b) || 0) : a.localeCompare(b, "en", {numeric: true})) || i - j);
        body.append(...keyed.map(([, , row]) => row));
    };
});

// MARK: - Values under the pointer

const tip = make("div", {id: "tip", role: "status", hidden: true});
document.body.append(tip);
all("svg g > title, svg circle > title").forEach((title) => { title.parentNode.dataset.tip = title.textContent; title.remove(); });
const number = (value, digits) => {
    const size = Math.abs(value);
    const text = size != 0 && (size < 1e-3 || size >= 1e5) ? value.toExponential(digits - 1) : String(Number(value.toPrecision(digits)));
    return text.replace("-", "−").replace("e-", "e−");
};
const words = ({mean, low, high, n}) => number(mean, 4) + (low < high ? ` [${number(low, 3)}, ${number(high, 3)}]` : "") + (n > 1 ? `  N=${n}` : "");
let shown = null, cursor = [0, 0], scrolled = "";
const hide = () => { tip.hidden = true; shown?.querySelector(".cross")?.remove(); shown = null; };
function show(x, y, ...children) {
    fill(tip, ...children);
    tip.hidden = false;
    scrolled = String([scrollX, scrollY]);
    const {width, height} = tip.getBoundingClientRect();
    tip.style.left = `${Math.max(4, x + 16 + width > innerWidth ? x - width - 16 : x + 16)}px`;
    tip.style.top = `${Math.max(4, Math.min(innerHeight - height - 4, y + 16))}px`;
}
// Where the values of a chart are: its rectangle in the window, in units of the drawing, and all points that are shown in it.
function chartArea(svg) {
    const own = data.charts[svg.dataset.c];
    return own && {box: svg.getBoundingClientRect(), left: 0, top: 0, width: W / 10, height: H / 10, band: own.band, of: own.once ? "" : "step",
        found: drawn.flatMap(([slot, setting]) => points(svg.dataset.c, setting)
            .map((point) => ({...point, slot, name: label(setting), x: across(own, slot, point.step), y: 1 - position(own.y, point.mean)})))};
}
// The same of a panel of a declared figure, whose groups are its curves.
function panelBox(panel) {
    const [left, top, width, height] = panel.dataset.box.split(" ").map(Number);
    const svg = panel.ownerSVGElement, whole = svg.getBoundingClientRect(), scale = whole.width / svg.viewBox.baseVal.width;
    return {box: new DOMRect(whole.left + left * scale, whole.top + top * scale, width * scale, height * scale), left, top, width, height};
}
function panelArea(panel) {
    const own = panel.own;
    return {...panelBox(panel), band: own.band, of: own.of, found: all(":scope > g", panel).flatMap((group, i) => {
        if (group.classList.contains("off")) return [];
        const colour = getComputedStyle(group.querySelector("[stroke]")).stroke, name = own.names[i] || "all runs";
        return unpack(own, i, own.names.length).map((point) => ({...point, colour, name, x: position(own.x, point.step), y: 1 - position(own.y, point.mean)}));
    })};
}
for (const figure of all("figure.declared")) all("[data-box]", figure).forEach((panel, i) => panel.own = data.panels[figure.dataset.f][i]);
const area = (element) => element.own ? panelArea(element) : chartArea(element);

// The values of all curves at the step that is nearest to x, the one nearest to y in bold.
function values(element, x, y, move = 0) {
    const plot = area(element);
    if (!plot) return;
    const {box, band, of} = plot, found = plot.found.filter((point) => !isNaN(point.mean));
    const places = [...new Set(found.map((point) => point.x))].sort((a, b) => a - b);
    if (!places.length) return hide();
    const wanted = (x - box.left) / box.width, nearest = places.reduce((best, at) => Math.abs(at - wanted) < Math.abs(best - wanted) ? at : best);
    const at = places[Math.max(0, Math.min(places.length - 1, places.indexOf(nearest) + move))];
    const here = found.filter((point) => point.x == at), height = (y - box.top) / box.height;
    const best = here.reduce((a, b) => Math.abs(b.y - height) < Math.abs(a.y - height) ? b : a);
    if (shown != element) hide();
    shown = element;
    const cross = element.querySelector(".cross") ?? element.appendChild(document.createElementNS(element.namespaceURI, "path"));
    cross.setAttribute("class", "cross");
    cross.setAttribute("d", `M${plot.left + at * plot.width} ${plot.top}v${plot.height}m-3 ${(best.y - 1) * plot.height}h6`);
    show(box.left + at * box.width, box.top + Math.min(1, Math.max(0, height)) * box.height, make("b", {}, of ? `${of} ${counted(best.step)}` : "measured once"),
        ...here.sort((a, b) => b.mean - a.mean).map((point) => {
            const mark = make("i", {className: `mark s${point.slot}`});
            if (point.colour) mark.style.color = point.colour;
            return make("div", {className: point == best ? "best" : ""}, mark, make("span", {}, point.name), make("span", {}, words(point)));
        }),
        ...[band ? data.band : "", data.limit && !element.own ? `at most ${data.limit} steps of a curve are in this page` : ""].filter(Boolean).map((text) => make("small", {}, text)));
    cursor = [box.left + at * box.width, y];
}
function point(event) {
    const figure = event.target.closest?.("svg.figure"), mark = event.target.closest?.("[data-tip]");
    const chart = event.target.closest?.("svg.chart") ?? (figure && all("[data-box]", figure).find((panel) => {
        const {left, right, top, bottom} = panelBox(panel).box;
        return left <= event.clientX && event.clientX <= right && top <= event.clientY && event.clientY <= bottom;
    }));
    if (chart) values(chart, event.clientX, event.clientY);
    else if (mark) { hide(); show(event.clientX, event.clientY, mark.dataset.tip); }
    else hide();
}
addEventListener("pointermove", point);
addEventListener("pointerdown", point);
// An event may come late, for what was scrolled before.
addEventListener("scroll", () => { if (String([scrollX, scrollY]) != scrolled) hide(); }, {passive: true});
// With the keyboard: a chart has the focus, arrows go from step to step and from curve to curve.
for (const chart of all("svg.chart, [data-box]")) {
    chart.tabIndex = 0;
    chart.onblur = hide;
    chart.onkeydown = (event) => {
        const [dx, dy] = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -6], ArrowDown: [0, 6]}[event.key] ?? [];
        if (dx === undefined) return;
        event.preventDefault();
        const box = area(chart)?.box;
        if (!box) return;
        if (shown != chart) cursor = [box.right, box.top + box.height / 2];
        values(chart, cursor[0], Math.min(box.bottom, Math.max(box.top, cursor[1] + dy)), dx);
    };
}

// MARK: - Start

function start() {
    const [section, asked] = location.hash.slice(1).split("?");
    if (asked !== undefined || !address()) read(asked);
    apply();
    write();
    if (section) document.getElementById(decodeURIComponent(section))?.scrollIntoView();
}
try { theme = localStorage.getItem("syzygy.theme") ?? "auto"; } catch { /* a page without storage */ }
addEventListener("hashchange", start);
start();
})();
