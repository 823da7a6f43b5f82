/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* The map: a square for each block, a canvas for each node, and an explanation of one block. */

import { Table, actionButton, make, setText, updateChildren } from "./view.js";
import { formatBlocks, formatBytes, formatCount, formatNode } from "./format.js";

/* How a block looks. Each has a shape of its own, so that no colour is needed to tell them apart. */
const LOOKS = [
    { name: "kernel", text: "kernel", shape: "full" },
    { name: "movable", text: "movable", shape: "frame" },
    { name: "offline", text: "offline", shape: "outline" },
    { name: "pending", text: "being changed", shape: "dot" },
    { name: "failed", text: "failed", shape: "cross" },
    { name: "foreign", text: "online against the policy", shape: "slash" },
];

const PENDING = ["waiting", "pending", "writing", "retrying", "offlining"];

/* The edge of a square with its gap, in pixels, by how many blocks a map has at most. */
const CELLS = [[512, 16], [8192, 10], [Infinity, 5]];

/* The pointer has to rest for these milliseconds until memoryd is asked. */
const REST = 120;

/* The table shows this many ranges. */
const RANGES_MAX = 1000;

export function lookOf(block) {
    if (block.status === "failed")
        return "failed";
    if (block.status === "foreign")
        return "foreign";
    if (PENDING.includes(block.status) || block.state === "going-offline")
        return "pending";
    if (block.state !== "online")
        return "offline";
    return block.class === "movable" ? "movable" : "kernel";
}

/* Neighbours that are alike, of blocks in the order of their numbers. */
export function runsOf(blocks) {
    const runs = [];

    for (const block of blocks) {
        const last = runs.at(-1);

        if (last && last.last + 1 === block.id && alike(last.block, block))
            last.last = block.id;
        else
            runs.push({ first: block.id, last: block.id, block });
    }
    return runs;
}

function alike(one, other) {
    return ["node", "state", "class", "status", "device", "origin", "rule"].every(key => one[key] === other[key]);
}

function draw(context, look, x, y, size) {
    const style = window.getComputedStyle(document.documentElement);

    drawWith(context, Object.fromEntries(LOOKS.map(({ name }) => [name, style.getPropertyValue(`--${name}`)])),
        look, x, y, size);
}

function drawWith(context, colors, look, x, y, size) {
    const { shape } = LOOKS.find(({ name }) => name === look), line = Math.max(1, Math.round(size / 7));

    context.fillStyle = context.strokeStyle = colors[look];
    context.lineWidth = line;
    if (shape === "full") {
        context.fillRect(x, y, size, size);
        return;
    }
    if (shape === "frame") {
        context.globalAlpha = 0.45;
        context.fillRect(x, y, size, size);
        context.globalAlpha = 1;
    }
    context.strokeRect(x + line / 2, y + line / 2, size - line, size - line);
    context.beginPath();
    if (shape === "slash" || shape === "cross") {
        context.moveTo(x, y + size);
        context.lineTo(x + size, y);
    }
    if (shape === "cross") {
        context.moveTo(x, y);
        context.lineTo(x + size, y + size);
    }
    context.stroke();
    if (shape === "dot")
        context.fillRect(x + size / 3, y + size / 3, size / 3, size / 3);
}

/* The blocks of one node. It is a slider for the keyboard and for screen readers: its value is a block. */
class NodeMap {
    constructor(node, choose) {
        this.choose = choose;
        this.node = node;
        this.title = make("h3", { id: `map-node-${node}` });
        this.canvas = make("canvas", { role: "slider", tabindex: "0", "aria-labelledby": `map-node-${node}`,
            "aria-describedby": "map-help",
            pointermove: event => this.point(event, false), click: event => this.point(event, true),
            keydown: event => this.press(event), focus: () => this.choose(this.blocks[this.index], true) });
        this.element = make("div", { class: "node-map" }, this.title, this.canvas);
        this.index = 0;
        this.blocks = [];
    }

    update(blocks, size, cell) {
        const id = this.blocks[this.index]?.id;

        this.blocks = blocks;
        this.cell = cell;
        this.index = Math.max(0, blocks.findIndex(block => block.id === id));
        setText(this.title, `Node ${formatNode(this.node)}: ${formatBytes(blocks.length * size)} in ` +
            formatCount(blocks.length, "block"));
        this.layOut();
        this.describe();
    }

    /* A hole between blocks is as wide as a block. */
    layOut() {
        const { cell, blocks } = this, width = Math.max(cell, this.element.clientWidth);
        const ratio = window.devicePixelRatio || 1;
        let place = 0, last = null;

        this.columns = Math.max(1, Math.floor(width / cell));
        this.places = [];
        for (const block of blocks) {
            if (last !== null && block.id !== last + 1)
                place++;
            this.places.push(place++);
            last = block.id;
        }
        this.byPlace = new Map(this.places.map((at, index) => [at, index]));
        this.height = Math.ceil(place / this.columns) * cell;
        this.canvas.width = this.columns * cell * ratio;
        this.canvas.height = this.height * ratio;
        this.canvas.style.width = `${this.columns * cell}px`;
        this.canvas.style.height = `${this.height}px`;
        this.paint();
    }

    paint() {
        const context = this.canvas.getContext("2d"), { cell } = this, ratio = window.devicePixelRatio || 1;
        const style = window.getComputedStyle(document.documentElement);
        const colors = Object.fromEntries(LOOKS.map(({ name }) =>
            [name, style.getPropertyValue(`--${name}`)]));
        const gap = cell > 8 ? 2 : 1;

        context.setTransform(ratio, 0, 0, ratio, 0, 0);
        context.clearRect(0, 0, this.columns * cell, this.height);
        this.blocks.forEach((block, index) => {
            const [x, y] = this.corner(index);

            drawWith(context, colors, lookOf(block), x + gap / 2, y + gap / 2, cell - gap);
        });
        if (this.isChosen && this.blocks.length > 0) {
            const [x, y] = this.corner(this.index);

            context.strokeStyle = style.getPropertyValue("--text");
            context.lineWidth = 2;
            context.strokeRect(x, y, cell, cell);
        }
    }

    corner(index) {
        const place = this.places[index];

        return [place % this.columns * this.cell, Math.floor(place / this.columns) * this.cell];
    }

    setChosen(isChosen) {
        if (this.isChosen === isChosen && !isChosen)
            return;
        this.isChosen = isChosen;
        this.paint();
    }

    describe() {
        const { canvas, blocks, index } = this;

        if (blocks.length === 0)
            return;
        canvas.setAttribute("aria-valuemin", blocks[0].id);
        canvas.setAttribute("aria-valuemax", blocks.at(-1).id);
        canvas.setAttribute("aria-valuenow", blocks[index].id);
        canvas.setAttribute("aria-valuetext", factsOf(blocks[index]));
    }

    go(index, isFixed) {
        this.index = Math.min(Math.max(index, 0), this.blocks.length - 1);
        this.describe();
        this.choose(this.blocks[this.index], isFixed);
    }

    point(event, isFixed) {
        const column = Math.floor(event.offsetX / this.cell), row = Math.floor(event.offsetY / this.cell);
        const index = this.byPlace.get(row * this.columns + column);

        if (index !== undefined && column < this.columns && (isFixed || index !== this.index || !this.isChosen))
            this.go(index, isFixed);
    }

    press(event) {
        const { index, columns } = this;
        const target = {
            ArrowLeft: index - 1, ArrowRight: index + 1, ArrowUp: index - columns, ArrowDown: index + columns,
            Home: 0, End: this.blocks.length - 1, PageUp: this.neighbour(-1), PageDown: this.neighbour(1),
        }[event.key];

        if (event.key === "Escape")
            this.choose(this.blocks[this.index], false, true);
        if (target === undefined)
            return;
        event.preventDefault();
        this.go(target, true);
    }

    /* The next block in a direction that looks different. */
    neighbour(step) {
        const look = lookOf(this.blocks[this.index]);
        let index = this.index;

        while (this.blocks[index + step] && lookOf(this.blocks[index]) === look)
            index += step;
        return index;
    }
}

function factsOf(block) {
    const parts = [`block ${block.id}`, block.state];

    if (block.class !== "none")
        parts.push(block.class);
    parts.push(`status ${block.status}`, block.device ? `device ${block.device}` : block.origin);
    return parts.join(", ");
}

/* Facts of an explanation that are worth a line, by their keys. */
const FACTS = [["State", "State"], ["Class", "Class"], ["Status", "Status"], ["Device", "Device"],
    ["Origin", "Origin"], ["Rule", "Rule"], ["Guards", "Guards"], ["OnlinedBy", "Onlined by"],
    ["OfflinedBy", "Taken offline by"], ["NotOffline", "When it last did not go offline"]];

export class MapCard {
    constructor(card, memoryd, dialogs) {
        this.memoryd = memoryd;
        this.dialogs = dialogs;
        this.maps = new Map();
        this.chosen = null;
        this.isFixed = false;
        this.container = make("div", { class: "maps" });
        this.details = make("div", { class: "details", role: "region", "aria-label": "The chosen block" });
        this.ranges = new Table("Ranges of blocks that are alike", [
            { title: "Blocks", text: ({ first, last }) => formatBlocks(first, last) },
            { title: "Size", number: true,
                text: ({ first, last }) => formatBytes((last - first + 1) * memoryd.manager.BlockSizeBytes) },
            { title: "Node", text: ({ block }) => formatNode(block.node) },
            { title: "State", text: ({ block }) => block.state },
            { title: "Class", text: ({ block }) => block.class },
            { title: "Status", text: ({ block }) => block.status },
            { title: "Device", text: ({ block }) => block.device },
        ], ({ first }) => first, "There are no blocks.");
        this.more = make("p", { hidden: true });
        this.table = make("details", { toggle: () => this.fillTable() },
            make("summary", { text: "The same as a table" }), this.ranges.element, this.more);
        card.append(
            make("p", { id: "map-help", class: "help",
                text: "Point at a block, or go with the arrow keys, to see why it is what it is. A click keeps a " +
                      "block, Escape lets it go. Page up and page down go to the next block of another kind." }),
            this.legend(),
            make("div", { class: "map-and-details" }, this.container, this.details),
            this.table);
        this.buildDetails();
        new ResizeObserver(() => this.layOut()).observe(this.container);
        document.addEventListener("theme", () => this.repaint());
    }

    legend() {
        this.swatches = [];
        return make("ul", { class: "legend", "aria-label": "Legend" }, ...LOOKS.map(({ name, text }) => {
            const canvas = make("canvas", { width: "14", height: "14", "aria-hidden": "true" });

            this.swatches.push([canvas, name]);
            return make("li", {}, canvas, text);
        }));
    }

    buildDetails() {
        this.title = make("h3", { text: "No block is chosen" });
        this.reason = make("p", { "aria-live": "polite" });
        this.facts = make("dl");
        this.offline = this.dialogs.button("Offline", "Take offline…", "", () => this.act("Offline"));
        this.online = this.dialogs.button("Online", "Bring online…", "", () => this.act("Online"));
        this.zone = this.dialogs.button("SetZone", "Change zone…", "", () => this.act("SetZone"));
        this.count = actionButton("What holds it?", null, () => this.dialogs.whatHolds(`block ${this.chosen.id}`,
            [[this.chosen.id, this.chosen.id]]));
        this.buttons = make("div", { class: "buttons", hidden: true }, this.online, this.offline, this.zone, this.count);
        this.details.append(this.title, this.reason, this.facts, this.buttons);
    }

    act(method) {
        const run = runsOf(this.memoryd.blocks).find(({ first, last }) =>
            first <= this.chosen.id && this.chosen.id <= last);

        this.dialogs.changeBlocks(method, this.chosen, run);
    }

    update() {
        const { blocks, manager } = this.memoryd, byNode = new Map();
        const cell = CELLS.find(([most]) => blocks.length <= most)[1];

        for (const block of blocks) {
            if (!byNode.has(block.node))
                byNode.set(block.node, []);
            byNode.get(block.node).push(block);
        }
        this.isEmpty = blocks.length === 0;
        updateChildren(this.container, [...byNode].sort(([one], [other]) => one - other), ([node]) => node,
            ([node]) => {
                const map = new NodeMap(node, (block, isFixed, isLast) =>
                    this.choose(node, block, isFixed, isLast));

                this.maps.set(node, map);
                return map.element;
            },
            (element, [node, own]) => this.maps.get(node).update(own, manager.BlockSizeBytes, cell));
        for (const node of this.maps.keys())
            if (!byNode.has(node))
                this.maps.delete(node);
        this.repaintLegend();
        this.fillTable();
        if (this.chosen)
            this.follow(blocks.find(({ id }) => id === this.chosen.id));
    }

    layOut() {
        for (const map of this.maps.values())
            map.layOut();
    }

    repaint() {
        for (const map of this.maps.values())
            map.paint();
        this.repaintLegend();
    }

    repaintLegend() {
        for (const [canvas, name] of this.swatches) {
            const context = canvas.getContext("2d");

            context.clearRect(0, 0, 14, 14);
            draw(context, name, 0, 0, 14);
        }
    }

    /* The chosen block may have changed, or may be gone. */
    follow(block) {
        if (block) {
            this.show(block);
            return;
        }
        this.chosen = null;
        setText(this.title, "The chosen block is gone");
        setText(this.reason, "");
        this.facts.replaceChildren();
        this.buttons.hidden = true;
    }

    /* A block that was chosen with a click or a key stays chosen under the pointer until it is let go. */
    choose(node, block, isFixed, isLetGo = false) {
        if (!block || (!isFixed && this.isFixed && !isLetGo))
            return;
        this.isFixed = isFixed;
        for (const [other, map] of this.maps)
            map.setChosen(other === node);
        this.show(block);
    }

    show(block) {
        this.chosen = block;
        setText(this.title, `Block ${block.id}, node ${formatNode(block.node)}`);
        this.buttons.hidden = false;
        this.online.hidden = block.state === "online";
        this.offline.hidden = this.zone.hidden = this.count.hidden = block.state !== "online";
        this.fillFacts({ State: block.state, Class: block.class, Status: block.status, Device: block.device,
            Origin: block.origin, Rule: block.rule, Guards: block.guards });
        window.clearTimeout(this.timer);
        this.timer = window.setTimeout(() => this.explain(block), REST);
    }

    async explain(block) {
        try {
            const explanation = await this.memoryd.explain(block.id);

            if (this.chosen !== block)
                return;
            setText(this.reason, explanation.Reason ?? "");
            this.fillFacts(explanation);
        } catch (error) {
            setText(this.reason, error.message);
        }
    }

    fillFacts(values) {
        this.facts.replaceChildren(...FACTS.filter(([key]) => values[key] && values[key] !== "none").flatMap(
            ([key, text]) => [make("dt", { text }), make("dd", { text: values[key] })]));
    }

    fillTable() {
        if (!this.table.open)
            return;
        const runs = runsOf(this.memoryd.blocks);

        this.ranges.update(runs.slice(0, RANGES_MAX));
        this.more.hidden = runs.length <= RANGES_MAX;
        setText(this.more, `${formatCount(runs.length - RANGES_MAX, "more range")}: see memoryctl list.`);
    }
}
