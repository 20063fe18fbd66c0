"use strict";
// Asks the server for the parts of the page that changed and puts them in the place of the old ones. What the server sends is escaped there; the
// parser used here runs nothing.
const choice = new URLSearchParams(location.search);
const fields = {output: "output", layers: "layer", where: "where", find: "find"};
let timer, turn = 0;

function say(sentence) {
  const line = document.getElementById("connection");
  line.textContent = sentence;
  line.hidden = !sentence;
}

function update(text) {
  const news = new DOMParser().parseFromString(text, "text/html");
  for (const part of news.querySelectorAll(".part")) {
    document.getElementById(part.id).replaceWith(document.importNode(part, true));
  }
  document.title = document.getElementById("head").dataset.title;
}

async function look() {
  clearTimeout(timer);
  const mine = ++turn;
  const query = new URLSearchParams(choice);
  const parts = [...document.querySelectorAll(".part")];
  query.set("have", parts.map(part => part.id + ":" + part.dataset.version).join(","));
  try {
    const answer = await fetch("live?" + query);
    const text = await answer.text();
    if (mine !== turn) return;
    if (answer.status === 404) {
      say("Another server answers here: open the address that 'syzygy view' printed last.");
    } else {
      say("");
      update(text);
    }
  } catch {
    if (mine === turn) say("Not connected, trying again …");
  }
  if (mine === turn) timer = setTimeout(look, document.hidden ? 10000 : 1000);
}

function choose(name, value) {
  if (value) choice.set(name, value); else choice.delete(name);
  if (name === "find") choice.delete("page");
  if (name === "output") choice.delete("layer");
  history.replaceState(null, "", "?" + choice);
  clearTimeout(timer);
  timer = setTimeout(look, 250);
}

document.addEventListener("input", event => {
  const name = fields[event.target.id];
  if (name) choose(name, event.target.value);
});
document.addEventListener("click", event => {
  if (event.target.dataset.page) choose("page", event.target.dataset.page);
});
document.addEventListener("submit", event => event.preventDefault());
document.addEventListener("visibilitychange", () => { if (!document.hidden) look(); });
look();
