// SPDX-License-Identifier: MIT
// The page's controls. Trees and history live in Python (session.py); drawing.js draws what it says.

import { draw } from "./drawing.js";
import { loadPyodide } from "./pyodide/pyodide.mjs";

const MODULES = ["nodes.py", "session.py"];

const $ = (id) => document.getElementById(id);
let session;
let frame;
let earlier = [];
let recalled = 0;

async function get(name) {
  const response = await fetch(new URL(name, import.meta.url));
  if (!response.ok) throw new Error(`${name}: ${response.status} ${response.statusText}`);
  return response;
}

async function load() {
  const folder = new URL("./pyodide/", import.meta.url).href;
  const [pyodide, wheel, ...modules] = await Promise.all([
    loadPyodide({ indexURL: folder }),
    get("samara.whl").then((response) => response.arrayBuffer()),
    ...MODULES.map((name) => get(name).then((response) => response.text())),
  ]);
  pyodide.unpackArchive(wheel, "wheel");
  MODULES.forEach((name, i) => pyodide.FS.writeFile(name, modules[i]));
  return pyodide.pyimport("session").SESSION;
}

// ---- what is shown

function show(answer) {
  frame = answer;
  const chosen = $("tree").value;
  const names = frame.trees.map((tree) => tree.name.split(" ")[0]);
  $("tree").replaceChildren(...names.map((name) => new Option(name)));
  choose(names.includes(chosen) ? chosen : names[0]);
  $("steps").max = frame.steps - 1;
  $("steps").value = frame.step;
  $("steps").setAttribute("aria-valuetext", `${frame.step} of ${frame.steps - 1}: ${frame.source}`);
  $("steps").disabled = frame.steps < 2;
  $("back").disabled = frame.step === 0;
  $("forward").disabled = frame.step === frame.steps - 1;
  $("step").textContent = `Step ${frame.step} of ${frame.steps - 1}: ${frame.source}`;
  $("summary").textContent = frame.summary;
  $("trees").replaceChildren(...frame.trees.map(item));
  drawNodes();
}

function item(tree) {
  const made = document.createElement("li");
  made.textContent = `${tree.name}: ${tree.about}`;
  return made;
}

function choose(name) {
  $("tree").value = name ?? "";
  for (const id of ["store", "erase", "clear", "fork", "dup", "drop"]) $(id).disabled = !name;
  for (const button of document.querySelectorAll(".preset")) button.disabled = !name;
}

function drawNodes() {
  const svg = draw(frame, $("show-slots").checked);
  $("drawing").replaceChildren(svg);
  $("drawing").classList.toggle("fit", $("fit").checked);
  const boxes = [...svg.querySelectorAll(".node")];
  boxes[0]?.setAttribute("tabindex", "0");
  const changed = boxes.find((box) => box.dataset.level === "0" && box.dataset.change !== "kept");
  if (changed) {
    const [box, view] = [changed.getBoundingClientRect(), $("drawing").getBoundingClientRect()];
    $("drawing").scrollLeft += box.left + box.width / 2 - view.left - view.width / 2;
  }
}

function print(text, kind = "") {
  const span = document.createElement("span");
  span.className = kind;
  span.textContent = text;
  $("log").append(span);
  $("log").scrollTop = $("log").scrollHeight;
}

function echo(source) {
  print(`>>> ${source.replaceAll("\n", "\n... ")}\n`, "input");
}

// ---- what is done

function answerOf(method, ...given) {
  return JSON.parse(session[method](...given));
}

function start() {
  $("log").replaceChildren();
  show(answerOf("start"));
  echo(frame.source);
}

function run(source) {
  echo(source);
  const answer = answerOf("run", source);
  print(answer.output);
  show(answer);
}

function go(step) {
  show(answerOf("go", step));
}

function copyBy(method) {
  const name = frame.freeName;
  run(`${name} = ${$("tree").value}.${method}()`);
  choose(name);
}

function change(operation) {
  const [tree, first, last] = [$("tree").value, $("first").value, $("last").value];
  const statements = {
    store: `${tree}.store_range(${first}, ${last}, ${JSON.stringify($("value").value)})`,
    erase: `${tree}.erase(${first})`,
    clear: `${tree}.pop_range(${first}, ${last})`,
  };
  run(statements[operation]);
}

function preset(which) {
  const answer = answerOf("preset", which, $("tree").value);
  answer.ran.forEach(echo);
  show(answer);
}

function enter() {
  const source = $("source").value;
  if (!source.trim()) return;
  earlier.push(source.trimEnd());
  recalled = earlier.length;
  $("source").value = "";
  fitSource();
  run(source.trimEnd());
}

function recall(by) {
  recalled = Math.min(Math.max(recalled + by, 0), earlier.length);
  $("source").value = earlier[recalled] ?? "";
  fitSource();
}

function fitSource() {
  $("source").rows = $("source").value.split("\n").length;
}

function typed(event) {
  const { value, selectionStart: caret } = event.target;
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing && session.is_complete(value)) enter();
  else if (event.key === "ArrowUp" && !value.slice(0, caret).includes("\n")) recall(-1);
  else if (event.key === "ArrowDown" && !value.slice(caret).includes("\n")) recall(1);
  else return;
  event.preventDefault();
}

// One node can be reached by Tab; the arrow keys move on from it.
function moveFocus(event) {
  const boxes = [...$("drawing").querySelectorAll(".node")];
  const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  const next = boxes[boxes.indexOf(document.activeElement) + by];
  if (!by) return;
  event.preventDefault();
  if (!next) return;
  document.activeElement.setAttribute("tabindex", "-1");
  next.setAttribute("tabindex", "0");
  next.focus();
}

function listen() {
  $("change").addEventListener("submit", (event) => {
    event.preventDefault();
    change(event.submitter?.value ?? "store");
  });
  $("fork").addEventListener("click", () => copyBy("fork"));
  $("dup").addEventListener("click", () => copyBy("dup"));
  $("drop").addEventListener("click", () => run(`del ${$("tree").value}`));
  for (const button of document.querySelectorAll(".preset")) {
    button.addEventListener("click", () => preset(button.value));
  }
  $("restart").addEventListener("click", start);
  $("back").addEventListener("click", () => go(frame.step - 1));
  $("forward").addEventListener("click", () => go(frame.step + 1));
  $("steps").addEventListener("input", () => go(Number($("steps").value)));
  $("show-slots").addEventListener("change", drawNodes);
  $("fit").addEventListener("change", drawNodes);
  $("drawing").addEventListener("keydown", moveFocus);
  $("source").addEventListener("keydown", typed);
  $("source").addEventListener("input", fitSource);
  $("console").addEventListener("submit", (event) => {
    event.preventDefault();
    enter();
    $("source").focus();
  });
}

try {
  session = await load();
  listen();
  for (const id of ["controls", "source", "run"]) $(id).disabled = false;
  start();
  $("status").remove();
  document.body.dataset.ready = "true";
} catch (error) {
  $("status").textContent = `Python could not be loaded (${error.message}). The page needs a web server and a current browser.`;
  throw error;
}
