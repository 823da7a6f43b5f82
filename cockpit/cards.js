/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* The cards with lists: health, nodes, devices, jobs and history. */

import { Table, actionButton, announce, make, setText, updateChildren } from "./view.js";
import { asSentence, formatBytes, formatCount, formatNode, formatPercent, formatRanges,
    formatTime } from "./format.js";

/* Health */

export class HealthCard {
    constructor(card, memoryd) {
        this.memoryd = memoryd;
        this.verdict = make("p", { class: "verdict" });
        this.problems = make("ul", { class: "findings" });
        this.notes = make("ul", { class: "findings" });
        this.noteBox = make("details", {}, make("summary", { text: "Notes" }), this.notes);
        card.append(this.verdict, this.problems, this.noteBox);
    }

    update() {
        const { manager, findings, notes } = this.memoryd, problems = [...this.states(manager), ...findings ?? []];

        setText(this.verdict, this.sentence(manager, problems, findings !== null));
        this.verdict.dataset.state = problems.length > 0 ? "bad" : findings ? "good" : "open";
        this.fill(this.problems, problems);
        this.noteBox.hidden = !notes?.length;
        setText(this.noteBox.firstElementChild, formatCount(notes?.length ?? 0, "note"));
        this.fill(this.notes, notes ?? []);
    }

    sentence(manager, problems, isVerified) {
        if (problems.length > 0)
            return manager.Degraded ? `Degraded: ${formatCount(problems.length, "problem")}`
                : formatCount(problems.length, "problem");
        return isVerified ? "Nothing works against the policy." : "Looking for problems…";
    }

    /* What the properties tell. Foreign blocks and failed devices are among the findings of Verify(). */
    states(manager) {
        const found = [];

        if (manager.FailedBlocks > 0)
            found.push({ check: "failed", subject: formatCount(manager.FailedBlocks, "block"),
                problem: "could not be brought online.",
                advice: "The map shows which and why. After the cause is removed, run memoryctl rescan." });
        for (const fault of manager.ConfigFaults ?? [])
            found.push({ check: "configuration", subject: "", problem: fault,
                advice: "The configuration before stays in force until this is mended." });
        for (const node of this.memoryd.sortedNodes())
            if (node.KernelMemoryShort)
                found.push({ check: "shortage", subject: `node ${node.Id}`, problem: "is short of kernel memory.",
                    advice: "Give it a smaller share of movable memory, under Nodes." });
        return found;
    }

    fill(list, findings) {
        updateChildren(list, findings, ({ check, subject, problem }) => JSON.stringify([check, subject, problem]),
            () => make("li", {}, make("strong"), make("p"), make("p", { class: "advice" })),
            (item, { check, subject, problem, advice }) => {
                setText(item.children[0], subject ? `${check}: ${subject}` : check);
                setText(item.children[1], problem);
                setText(item.children[2], advice);
            });
    }
}

/* Nodes */

/* A bar of kernel, movable and offline memory, for the eye only: the cells beside it have the numbers. */
function drawBar(svg, node) {
    const whole = Math.max(1, node.OnlineBytes + node.OfflineBytes);
    let left = 0;

    [...svg.children].forEach((part, index) => {
        const bytes = [node.KernelBytes, node.MovableBytes, node.OfflineBytes][index];

        part.setAttribute("x", left);
        part.setAttribute("width", 100 * bytes / whole);
        left += 100 * bytes / whole;
    });
}

function makeBar() {
    const make = (tag, attributes) => {
        const element = document.createElementNS("http://www.w3.org/2000/svg", tag);

        for (const [name, value] of Object.entries(attributes))
            element.setAttribute(name, value);
        return element;
    };
    const svg = make("svg", { class: "bar", viewBox: "0 0 100 10", preserveAspectRatio: "none", "aria-hidden": "true" });

    svg.append(...["kernel", "movable", "offline"].map(name => make("rect", { class: name, y: 0, height: 10 })));
    return svg;
}

export class NodesCard {
    constructor(card, memoryd, dialogs) {
        this.memoryd = memoryd;
        this.table = new Table("Nodes", [
            { title: "Node", text: node => `${node.Id}` },
            { title: "Processor", text: node => node.HasCpu ? "yes" : "no" },
            { title: "Online", number: true, text: node => formatBytes(node.OnlineBytes) },
            { title: "Kernel", number: true, text: node => formatBytes(node.KernelBytes) },
            { title: "Movable", number: true, text: node => `${formatBytes(node.MovableBytes)} ` +
                `(${formatPercent(node.MovableBytes, node.OnlineBytes)})` },
            { title: "Offline", number: true, text: node => formatBytes(node.OfflineBytes) },
            { title: "Free", number: true, text: node => formatBytes(node.FreeBytes) },
            { title: "Share", fill: (cell, node) => {
                if (!cell.firstChild)
                    cell.append(makeBar());
                drawBar(cell.firstChild, node);
            } },
            { title: "Action", fill: (cell, node) => {
                if (!cell.firstChild)
                    cell.append(dialogs.button("SetZone", "Set zone…", `of node ${node.Id}`,
                        () => dialogs.setZone(this.node(node.Id))));
                cell.firstChild.hidden = node.OnlineBytes === 0;
            } },
        ], node => node.Id, "There are no nodes.");
        card.append(this.table.element);
    }

    node(id) {
        return this.memoryd.sortedNodes().find(node => node.Id === id);
    }

    update() {
        this.table.update(this.memoryd.sortedNodes());
    }
}

/* Devices */

/* Memory that no request can take away. */
const FIXED = ["boot", "balloon"];

export class DevicesCard {
    constructor(card, memoryd, dialogs) {
        this.memoryd = memoryd;
        this.table = new Table("Devices", [
            { title: "Device", text: device => nameOf(device) },
            { title: "Origin", text: device => device.Origin },
            { title: "Node", text: ({ Nodes }) => (Nodes ?? []).map(formatNode).join(", ") },
            { title: "Blocks", text: ({ Blocks }) => formatRanges(Blocks ?? []) },
            { title: "Size", number: true, text: ({ SizeBytes }) => SizeBytes > 0 ? formatBytes(SizeBytes) : "" },
            { title: "Kernel", number: true, text: device => formatBytes(device.KernelBytes ?? 0) },
            { title: "Movable", number: true, text: device => formatBytes(device.MovableBytes ?? 0) },
            { title: "Offline", number: true, text: device => formatBytes(device.OfflineBytes ?? 0) },
            { title: "Can it be removed?", wide: true, fill: (cell, device) => this.fillState(cell, device) },
            { title: "Action", fill: (cell, device) => this.fillButtons(cell, device, dialogs) },
        ], ({ Device, Origin }) => `${Device} ${Origin}`, "There are no devices.");
        card.append(this.table.element);
    }

    jobOf({ Job }) {
        return this.memoryd.sortedJobs().find(({ Id }) => Id === Job);
    }

    fillState(cell, device) {
        const job = this.jobOf(device);

        if (!cell.firstChild)
            cell.append(make("div", { class: "state" }, make("span"),
                make("progress", { "aria-label": `Progress of ${nameOf(device)}` }), make("p", { class: "advice" })));
        const [text, progress, advice] = cell.firstChild.children;

        progress.hidden = !job;
        advice.hidden = Boolean(job) || !device.Advice;
        setText(advice, asSentence(device.Advice ?? ""));
        if (job) {
            progress.max = job.TotalBlocks || 1;
            progress.value = job.DoneBlocks;
            setText(text, `${job.Kind}: ${job.DoneBlocks} of ${formatCount(job.TotalBlocks, "block")}`);
        } else {
            setText(text, `${{ yes: "Yes", "after-offline": "Not yet" }[device.Removable] ?? "No"}: ` +
                device.Reason);
        }
    }

    fillButtons(cell, device, dialogs) {
        const isFixed = FIXED.includes(device.Origin) || Boolean(this.jobOf(device)) || !device.Device;

        if (!cell.firstChild)
            cell.append(
                dialogs.button("Offline", "Prepare to remove…", device.Device,
                    () => dialogs.device("Offline", device.Device)),
                dialogs.button("Online", "Bring online…", device.Device,
                    () => dialogs.device("Online", device.Device)),
                actionButton("What holds it?", `What holds ${device.Device}?`,
                    () => dialogs.whatHolds(device.Device, this.onlineRanges(device.Device))));
        cell.children[0].hidden = isFixed || !(device.KernelBytes + device.MovableBytes > 0);
        cell.children[1].hidden = isFixed || !(device.OfflineBytes > 0);
        cell.children[2].hidden = cell.children[0].hidden;
    }

    /* The blocks of a device that are kernel memory, or else all that are online. */
    onlineRanges(name) {
        const { KernelBlocks, Blocks } = this.memoryd.devices.find(({ Device }) => Device === name);

        return KernelBlocks?.length > 0 ? KernelBlocks : Blocks;
    }

    update() {
        this.table.update(this.memoryd.devices);
    }
}

function nameOf({ Device, Origin }) {
    return Device || (Origin === "boot" ? "boot memory" : "no name");
}

/* Jobs */

const ENDED_MAX = 20;

export class JobsCard {
    constructor(card, memoryd, dialogs) {
        this.memoryd = memoryd;
        this.ended = [];
        this.failure = make("p", { class: "alert danger", role: "alert", hidden: true });
        this.table = new Table("Jobs", [
            { title: "Job", text: job => `${job.Id}` },
            { title: "What", text: job => `${job.Kind} ${job.Target}` + (job.Zone ? ` as ${job.Zone}` : "") },
            { title: "By", text: job => job.User },
            { title: "State", text: job => job.State },
            { title: "Progress", wide: true, fill: (cell, job) => {
                if (!cell.firstChild)
                    cell.append(make("progress", { "aria-label": `Progress of job ${job.Id}` }), make("span"));
                cell.firstChild.max = job.TotalBlocks || 1;
                cell.firstChild.value = job.DoneBlocks;
                setText(cell.lastChild, `${job.DoneBlocks} of ${formatCount(job.TotalBlocks, "block")}` +
                    (job.FailedBlocks > 0 ? `, ${job.FailedBlocks} failed` : ""));
            } },
            { title: "Action", fill: (cell, job) => {
                if (!cell.firstChild)
                    cell.append(dialogs.button(this.methodOf(job), "Cancel", `job ${job.Id}`,
                        () => this.cancel(job.path)));
            } },
        ], job => job.path, "No job is running.");
        this.endedTitle = make("h3", { text: "Ended since this page was opened", hidden: true });
        this.endedList = make("ul", { class: "findings" });
        card.append(this.failure, this.table.element, this.endedTitle, this.endedList);
        memoryd.addEventListener("job-end", ({ detail }) => this.end(detail));
    }

    /* Whose right is needed to cancel a job: that to its method. */
    methodOf(job) {
        return { online: "Online", offline: "Offline" }[job.Kind] ?? "SetZone";
    }

    async cancel(path) {
        this.failure.hidden = true;
        try {
            await this.memoryd.cancel(path);
        } catch (error) {
            this.failure.hidden = false;
            setText(this.failure, error.message);
        }
    }

    end(report) {
        this.ended = [report, ...this.ended].slice(0, ENDED_MAX);
        announce(`Job ${report.id}: ${report.Message}`);
        this.update();
    }

    update() {
        this.table.update(this.memoryd.sortedJobs());
        this.endedTitle.hidden = this.ended.length === 0;
        updateChildren(this.endedList, this.ended, ({ id }) => id,
            ({ id, Kind, Target, result, Message, Failures }) => make("li", { "data-result": result },
                make("strong", { text: `Job ${id}, ${Kind} ${Target}: ${result}` }), make("p", { text: Message }),
                ...Failures.slice(0, 5).map(([block, , text]) => make("p", { class: "advice",
                    text: `Block ${block}: ${text}` }))),
            () => {});
    }
}

/* History */

const HISTORY_SHOWN = 25;

export class HistoryCard {
    constructor(card, memoryd) {
        this.memoryd = memoryd;
        this.shown = HISTORY_SHOWN;
        this.table = new Table("Decisions, the last one first", [
            { title: "Time", text: ({ lastTime }) => formatTime(lastTime) },
            { title: "Blocks", text: ({ ranges }) => formatRanges(ranges) },
            { title: "Node", text: ({ node }) => formatNode(node) },
            { title: "Device", text: ({ device }) => device },
            { title: "Decision", text: ({ decision }) => decision === "none" ? "" : decision },
            { title: "Status", text: ({ status }) => status },
            { title: "Reason", wide: true, text: ({ reason }) => reason },
        ], ({ firstTime, ranges, status }) => `${firstTime} ${ranges[0]} ${status}`, "Nothing was decided yet.");
        this.more = make("button", { type: "button", class: "link", hidden: true, click: () => {
            this.shown = Infinity;
            this.update();
        } });
        card.append(this.table.element, this.more);
    }

    update() {
        const entries = (this.memoryd.history ?? []).toReversed();

        this.table.update(entries.slice(0, this.shown));
        this.more.hidden = entries.length <= this.shown;
        setText(this.more, `Show all ${entries.length}`);
    }
}
