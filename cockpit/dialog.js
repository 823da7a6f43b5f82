/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Dialogs that ask memoryd for a job. Each shows first what the job would do. */

import { actionButton, announce, make, setReason, setText } from "./view.js";
import { asSentence, formatBytes, formatCount, formatNode, formatPercent, nameBlocks } from "./format.js";

/* A preview is asked for when nothing was typed for these milliseconds. */
const PAUSE = 250;

const KINDS = { Online: "online", Offline: "offline", SetZone: "set-zone" };
const CLASSES = { none: "offline", kernel: "kernel memory", movable: "movable memory" };
const TITLES = { Online: "Bring memory online", Offline: "Take memory offline", SetZone: "Change the zone" };

let number = 0;

function field(label, input, ...rest) {
    input.id = `field-${++number}`;
    return make("div", { class: "field" }, make("label", { for: input.id, text: label }), input, ...rest);
}

function choice(label, input, help) {
    const id = `field-${++number}`;

    input.id = id;
    return make("div", { class: "choice" }, input, make("label", { for: id, text: label }),
        ...help ? [make("p", { class: "help", id: `${id}-help`, text: help })] : []);
}

function radio(name, value, isChecked) {
    return make("input", { type: "radio", name, value, checked: isChecked });
}

/* Puts the rows of Preview() into words, a line for each and one for each node. */
function describeChanges(changes) {
    const lines = changes.map(({ node, from, to, ranges, bytes }) => {
        const blocks = ranges.length > 0 ? nameBlocks(ranges) : "memory";

        return asSentence(`${blocks} of node ${formatNode(node)} (${formatBytes(bytes)}): ${CLASSES[from]} now, then ` +
            CLASSES[to]);
    });
    const nodes = new Map();

    for (const { node, from, to, bytes, nodeBytes, nodeMovableBytes } of changes) {
        const known = nodes.get(node) ?? { nodeBytes, movable: nodeMovableBytes };

        known.movable += (to === "movable" ? bytes : 0) - (from === "movable" ? bytes : 0);
        nodes.set(node, known);
    }
    for (const [node, { nodeBytes, movable }] of nodes)
        lines.push(`Then ${formatBytes(movable)} of the ${formatBytes(nodeBytes)} of node ${formatNode(node)} ` +
            `(${formatPercent(movable, nodeBytes)}) are movable.`);
    if (changes.some(({ to }) => to === "kernel"))
        lines.push("Kernel memory can usually not be taken back.");
    return lines.join("\n");
}

/* A dialog with a form, a preview and the buttons Start and Cancel. */
class RequestDialog {
    /* keys() returns the request, or throws an Error with a sentence. */
    constructor(memoryd, { title, method, intro, fields, keys, start }) {
        Object.assign(this, { memoryd, method, keys });
        this.force = make("input", { type: "checkbox", name: "force" });
        this.undo = make("input", { type: "checkbox", name: "undo", checked: true });
        this.preview = make("p", { class: "preview", role: "status" });
        this.failure = make("p", { class: "alert danger", role: "alert", hidden: true });
        this.button = make("button", { type: "submit", class: "primary", text: start });
        this.form = make("form", { method: "dialog", submit: event => this.submit(event),
            input: () => this.change() },
        make("h2", { id: `dialog-${++number}`, text: title }), make("p", { text: intro }), ...fields,
        choice("Take everything back if it cannot be finished", this.undo),
        choice("Even against the guards of the policy", this.force,
            "Memory that becomes kernel memory can usually not be taken out again. Without enough kernel " +
            "memory, programs fail."),
        this.preview, this.failure,
        make("div", { class: "buttons" }, this.button, make("button", { type: "button", class: "secondary",
            text: "Cancel", click: () => this.dialog.close() })));
        this.dialog = make("dialog", { "aria-labelledby": `dialog-${number}`, close: () => this.dialog.remove() },
            this.form);
        if (this.memoryd.lackOfRight("Force")) {
            this.force.disabled = true;
            setText(this.form.querySelector(`#${this.force.id}-help`), this.memoryd.lackOfRight("Force"));
        }
        document.body.append(this.dialog);
        this.dialog.showModal();
        this.change(0);
    }

    request() {
        const keys = this.keys();

        if (this.force.checked)
            keys.Force = true;
        if (this.undo.checked)
            keys.UndoOnFailure = true;
        return keys;
    }

    change(pause = PAUSE) {
        window.clearTimeout(this.timer);
        this.timer = window.setTimeout(() => this.showPreview(), pause);
    }

    async showPreview() {
        const serial = this.serial = (this.serial ?? 0) + 1;
        let text, isPossible = true;

        this.failure.hidden = true;
        try {
            text = describeChanges(await this.memoryd.preview(KINDS[this.method], this.request()));
        } catch (error) {
            text = asSentence(error.message);
            isPossible = false;
        }
        if (serial !== this.serial)
            return;
        setText(this.preview, text);
        this.preview.classList.toggle("danger", !isPossible);
        this.button.disabled = !isPossible;
    }

    async submit(event) {
        event.preventDefault();
        this.button.disabled = true;
        try {
            const path = await this.memoryd.request(this.method, this.request());

            this.dialog.close();
            announce(`Job ${path.split("/").at(-1)} was accepted.`);
        } catch (error) {
            this.failure.hidden = false;
            setText(this.failure, asSentence(error.message));
            this.button.disabled = false;
        }
    }
}

export class Dialogs {
    constructor(memoryd) {
        this.memoryd = memoryd;
        this.buttons = [];
        memoryd.addEventListener("rights", () => this.applyRights());
    }

    /* A button that needs the right to a method of memoryd. */
    button(method, text, label, act) {
        const button = actionButton(text, label ? `${text} ${label}` : null, act);

        this.buttons.push([new WeakRef(button), method]);
        setReason(button, this.memoryd.lackOfRight(method));
        return button;
    }

    applyRights() {
        this.buttons = this.buttons.filter(([reference]) => reference.deref());
        for (const [reference, method] of this.buttons)
            setReason(reference.deref(), this.memoryd.lackOfRight(method));
    }

    setZone(node) {
        const name = `share-${++number}`, percent = make("input", { type: "number", min: "0", max: "100",
            step: "1", value: Math.round(100 * node.MovableBytes / node.OnlineBytes) || 0 });
        const size = make("input", { type: "number", min: "0", step: "any",
            value: Math.round(node.MovableBytes / (1 << 30) * 1000) / 1000 });
        const byPercent = radio(name, "percent", true), bySize = radio(name, "size", false);
        const target = () => {
            const input = byPercent.checked ? percent : size, value = input.valueAsNumber;

            if (!(value >= 0) || (byPercent.checked && value > 100))
                throw new Error(byPercent.checked ? "Give a share from 0 to 100 percent." : "Give a size in GiB.");
            return byPercent.checked ? { MovablePercent: value } : { MovableBytes: Math.round(value * (1 << 30)) };
        };

        percent.addEventListener("input", () => { byPercent.checked = true; });
        size.addEventListener("input", () => { bySize.checked = true; });
        new RequestDialog(this.memoryd, {
            title: `Movable memory of node ${node.Id}`, method: "SetZone", start: "Change",
            intro: `Of ${formatBytes(node.OnlineBytes)} online, ${formatBytes(node.MovableBytes)} ` +
                `(${formatPercent(node.MovableBytes, node.OnlineBytes)}) are movable.`,
            fields: [make("fieldset", {}, make("legend", { text: "Movable memory" }),
                choice("A share of the memory that is online", byPercent), field("Percent", percent),
                choice("A size", bySize), field("GiB", size))],
            keys: () => ({ Node: node.Id, ...target() }),
        });
    }

    changeBlocks(method, block, run) {
        const first = make("input", { type: "number", min: "0", step: "1", value: block.id });
        const last = make("input", { type: "number", min: "0", step: "1", value: block.id });
        const zone = make("select", {},
            ...method === "Online" ? [make("option", { value: "", text: "as the policy says" })] : [],
            make("option", { value: "movable", text: "movable" }), make("option", { value: "kernel", text: "kernel" }));
        const all = make("button", { type: "button", class: "link",
            text: `All ${formatCount(run.last - run.first + 1, "block")} that are alike`, click: () => {
                first.value = run.first;
                last.value = run.last;
                first.dispatchEvent(new Event("input", { bubbles: true }));
            } });

        if (method === "SetZone")
            zone.value = block.class === "movable" ? "kernel" : "movable";
        new RequestDialog(this.memoryd, {
            title: TITLES[method], method, start: method === "SetZone" ? "Change" : TITLES[method],
            intro: `Block ${block.id} of node ${block.node}` + (block.device ? `, device ${block.device}.` : "."),
            fields: [make("div", { class: "row" }, field("First block", first), field("Last block", last)),
                ...run.first < run.last ? [all] : [],
                ...method === "Offline" ? [] : [field("Zone", zone)]],
            keys: () => {
                const range = [first.valueAsNumber, last.valueAsNumber];

                if (!range.every(Number.isInteger) || range[0] > range[1])
                    throw new Error("Give the first and the last block.");
                return { Blocks: [range], ...method !== "Offline" && zone.value ? { Zone: zone.value } : {} };
            },
        });
    }

    /* Has memoryd count the pages of blocks, and tells what keeps them from going offline. */
    async whatHolds(name, ranges) {
        const id = `dialog-${++number}`, text = make("div", { role: "status" }, make("p", { text: "Counting pages…" }));
        const dialog = make("dialog", { "aria-labelledby": id, close: () => dialog.remove() },
            make("form", { method: "dialog" }, make("h2", { id, text: `What holds ${name}` }), text,
                make("div", { class: "buttons" }, make("button", { class: "primary", text: "Close" }))));

        document.body.append(dialog);
        dialog.showModal();
        try {
            const found = await this.memoryd.whatHolds(ranges);

            text.replaceChildren(...found.flatMap(({ first, last, text, advice }) => [
                make("p", { text: asSentence(`${nameBlocks([[first, last]])}: ${text || "nothing"}`) }),
                ...advice.map(text => make("p", { class: "advice", text: asSentence(text) }))]));
        } catch (error) {
            text.replaceChildren(make("p", { class: "alert danger", text: asSentence(error.message) }));
        }
    }

    device(method, name) {
        new RequestDialog(this.memoryd, {
            title: method === "Offline" ? `Prepare to remove ${name}` : `Bring ${name} online`,
            method, start: method === "Offline" ? "Prepare to remove" : "Bring online",
            intro: method === "Offline"
                ? "All memory of the device goes offline: what is in it moves to other memory. When the job is " +
                  "done, the device can be removed."
                : "All memory of the device comes online, in the zones that the policy says.",
            fields: [], keys: () => ({ Device: name }),
        });
    }
}

/* Asks a question. Returns whether the user agreed. */
export function confirm(title, text, agree) {
    return new Promise(resolve => {
        const id = `dialog-${++number}`;
        const dialog = make("dialog", { "aria-labelledby": id, close: () => {
            resolve(dialog.returnValue === "yes");
            dialog.remove();
        } }, make("form", { method: "dialog" }, make("h2", { id, text: title }), make("p", { text }),
            make("div", { class: "buttons" }, make("button", { class: "primary", value: "yes", text: agree }),
                make("button", { class: "secondary", value: "no", text: "Cancel" }))));

        document.body.append(dialog);
        dialog.showModal();
    });
}

