// SPDX-License-Identifier: MIT
// Draws trees as SVG: levels from the roots down, a shared node once, trees that share nodes together.

const CHAR = 7.3;
const LINE = 16;
const PAD = 7;
const BETWEEN = 14;
const LEVEL_GAP = 34;
const TAG_HEIGHT = 22;

function element(name, attributes = {}, text = "") {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text) made.textContent = text;
  return made;
}

function compareKeys(a, b) {
  const difference = BigInt(a) - BigInt(b);
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

function note(node) {
  return { new: "new", copied: `copy of ${node.source}`, written: "written" }[node.change] ?? "";
}

function describe(node) {
  const slots = node.slots
    .map((slot) => `${slot.first} to ${slot.last}: ${slot.child ? `node ${slot.child}` : slot.text}`)
    .join("; ");
  const users = node.users.length > 1 ? `shared by ${node.users.join(" and ")}` : `in ${node.users[0]}`;
  const kind = node.level ? "branch" : "leaf";
  return `Node ${node.name}, ${kind} ${node.range}, ${users}${note(node) && `, ${note(node)}`}. ${slots}`;
}

// A node's box: its size, and its lines of text. x and y follow from the layout.
class Box {
  constructor(node, showSlots) {
    this.node = node;
    const lines = node.slots.map((slot) => {
      const content = slot.child ? `→ ${slot.child}${slot.text && `  ${slot.text}`}` : slot.text;
      return { ...slot, content };
    });
    const widest = Math.max(...lines.map((l) => l.first.length + l.last.length + l.content.length + 4));
    const title = node.name.length + note(node).length + 3;
    this.lines = showSlots ? lines : [];
    this.caption = showSlots ? "" : node.range;
    this.width = CHAR * Math.max(showSlots ? widest : node.range.length, title) + 2 * PAD;
    this.height = LINE * (1 + (showSlots ? lines.length : 1)) + 2 * PAD - 4;
  }

  get middle() {
    return this.x + this.width / 2;
  }

  draw() {
    const { node } = this;
    const kinds = ["node", node.change, node.users.length > 1 ? "shared" : "single"];
    const group = element("g", {
      class: kinds.join(" "),
      role: "img",
      tabindex: "-1",
      "aria-label": describe(node),
      "data-node": node.name,
      "data-level": node.level,
      "data-first": node.first,
      "data-last": node.last,
      "data-users": node.users.join(" "),
      "data-change": node.change,
      transform: `translate(${this.x} ${this.y})`,
    });
    group.append(element("rect", { class: "box", width: this.width, height: this.height, rx: 4 }));
    group.append(element("text", { x: PAD, y: LINE, class: "name" }, node.name));
    group.append(element("text", { x: this.width - PAD, y: LINE, class: "note" }, note(node)));
    if (this.caption) group.append(element("text", { x: PAD, y: 2 * LINE, class: "faint" }, this.caption));
    this.lines.forEach((line, i) => group.append(...this.drawSlot(line, LINE * (i + 2), i)));
    return group;
  }

  drawSlot(line, y, i) {
    const range = element("text", { x: PAD, y, class: "range" });
    const isPivot = i < this.lines.length - 1;
    range.append(element("tspan", { class: "faint" }, `${line.first}–`));
    range.append(element("tspan", { class: isPivot ? "pivot" : "faint" }, line.last));
    const kind = line.isGap ? "content gap" : "content";
    const parts = [range, element("text", { x: this.width - PAD, y, class: kind }, line.content)];
    if (line.changed) {
      parts.unshift(element("rect", { class: "changed", x: 1, y: y - 12, width: this.width - 2, height: LINE }));
    }
    return parts;
  }
}

// Side by side in the order of their keys, each as near to where it wants to be as the others allow.
function spread(row) {
  let right = 0;
  for (const box of row) {
    box.x = Math.max(box.wish - box.width / 2, right);
    right = box.x + box.width + BETWEEN;
  }
  const excess = row.reduce((sum, box) => sum + box.middle - box.wish, 0) / row.length;
  const shift = Math.min(excess, row[0].x);
  for (const box of row) box.x -= shift;
}

// Places the boxes of one family; the answer is its width and the bottom of its leaves.
function layOut(boxes, byName, top) {
  const rows = [];
  for (const box of boxes) (rows[box.node.level] ??= []).push(box);
  for (const [level, row] of rows.entries()) {
    row.sort((a, b) => compareKeys(a.node.first, b.node.first) || compareKeys(a.node.last, b.node.last));
    let x = 0;
    for (const box of row) {
      const children = box.node.slots.filter((slot) => slot.child).map((slot) => byName.get(slot.child));
      box.wish = level ? children.reduce((sum, child) => sum + child.middle, 0) / children.length : x + box.width / 2;
      x += box.width + BETWEEN;
    }
    if (level) row.sort((a, b) => a.wish - b.wish);
    spread(row);
  }
  let y = top;
  for (const row of rows.toReversed()) {
    for (const box of row) box.y = y;
    y += Math.max(...row.map((box) => box.height)) + LEVEL_GAP;
  }
  return { width: Math.max(...boxes.map((box) => box.x + box.width)), bottom: y - LEVEL_GAP };
}

function edge(x1, y1, x2, y2, kind) {
  return element("line", { class: `edge ${kind}`, x1, y1, x2, y2 });
}

// The tags of trees that have the same root stand in a row above it.
function drawTags(trees, byName, top, svg) {
  const byRoot = Map.groupBy(trees, (tree) => tree.root);
  let right = 0;
  for (const [root, owners] of byRoot) {
    const box = byName.get(root);
    const texts = owners.map((tree) => (root ? tree.name : `${tree.name}: empty`));
    const widths = texts.map((text) => text.length * CHAR + 2 * PAD);
    const width = widths.reduce((sum, each) => sum + each + 6, -6);
    let x = box ? Math.max(box.middle - width / 2, 0) : 0;
    owners.forEach((tree, i) => {
      const middle = x + widths[i] / 2;
      const tag = element("g", { class: "tag", "data-tree": tree.name, "data-root": root ?? "" });
      if (box) tag.append(edge(middle, top + TAG_HEIGHT, middle, box.y, ""));
      tag.append(element("rect", { x, y: top, width: widths[i], height: TAG_HEIGHT, rx: TAG_HEIGHT / 2 }));
      tag.append(element("text", { x: middle, y: top + 15 }, texts[i]));
      svg.append(tag);
      x += widths[i] + 6;
    });
    right = Math.max(right, x);
  }
  return right;
}

// The families stand one below the other.
export function draw(frame, showSlots) {
  const svg = element("svg", { role: "group", "aria-label": "Nodes of all trees" });
  const byName = new Map(frame.nodes.map((node) => [node.name, new Box(node, showSlots)]));
  let top = 0;
  let right = 0;
  for (const family of frame.families) {
    const boxes = [...byName.values()].filter((box) => family.includes(box.node.users[0]));
    const trees = frame.trees.filter((tree) => family.includes(tree.name));
    let bottom = top + TAG_HEIGHT;
    if (boxes.length) {
      const size = layOut(boxes, byName, bottom + 14);
      right = Math.max(right, size.width);
      bottom = size.bottom;
    }
    for (const box of boxes) {
      for (const child of box.node.slots.filter((slot) => slot.child).map((slot) => byName.get(slot.child))) {
        svg.append(edge(box.middle, box.y + box.height, child.middle, child.y, box.node.change));
      }
    }
    right = Math.max(right, drawTags(trees, byName, top, svg));
    svg.append(...boxes.map((box) => box.draw()));
    top = bottom + 30;
  }
  const [width, height] = [Math.ceil(right) + 8, Math.max(top - 30, 0) + 8];
  for (const [key, value] of Object.entries({ width, height, viewBox: `-4 -4 ${width} ${height}` })) {
    svg.setAttribute(key, value);
  }
  return svg;
}
