/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* The page: its cards, and what it says when memoryd does not run or the user may not change anything. */

/* global cockpit */

import { Memoryd } from "./bus.js";
import { Dialogs } from "./dialog.js";
import { DevicesCard, HealthCard, HistoryCard, JobsCard, NodesCard } from "./cards.js";
import { MapCard } from "./map.js";
import { PolicyCard } from "./policy.js";
import { followTheme } from "./theme.js";
import { make, setText } from "./view.js";
import { formatBytes, formatPercent } from "./format.js";

const START = ["systemctl", "enable", "--now", "memoryd"];

function body(id) {
    return document.querySelector(`#${id} > .body`);
}

class Page {
    constructor() {
        const memoryd = new Memoryd(), dialogs = new Dialogs(memoryd);

        this.memoryd = memoryd;
        this.banner = document.getElementById("banner");
        this.summary = document.getElementById("summary");
        this.health = new HealthCard(body("health"), memoryd);
        this.map = new MapCard(body("map"), memoryd, dialogs);
        this.nodes = new NodesCard(body("nodes"), memoryd, dialogs);
        this.devices = new DevicesCard(body("devices"), memoryd, dialogs);
        this.jobs = new JobsCard(body("jobs"), memoryd, dialogs);
        this.history = new HistoryCard(body("history"), memoryd);
        this.policy = new PolicyCard(body("policy"), memoryd, dialogs);
        this.listen();
        memoryd.start();
    }

    listen() {
        const on = (types, update) => types.forEach(type => this.memoryd.addEventListener(type, update));

        on(["running", "objects", "blocks", "health", "history", "policy", "rights"], () => this.showState());
        on(["objects", "health"], () => this.health.update());
        on(["objects"], () => { this.nodes.update(); this.jobs.update(); });
        on(["policy"], () => this.policy.update());
        on(["blocks", "running"], () => this.map.update());
        on(["devices", "objects"], () => this.devices.update());
        on(["history"], () => this.history.update());
        on(["failure"], ({ detail }) => this.showFailure(detail));
    }

    showState() {
        const { memoryd } = this, { manager } = memoryd, isReady = manager.Version !== undefined;

        document.getElementById("cards").hidden = !isReady;
        this.summary.hidden = memoryd.isRunning === false;
        if (isReady)
            setText(this.summary, `${formatBytes(manager.OnlineBytes)} online, ` +
                `${formatBytes(manager.MovableBytes)} of it movable ` +
                `(${formatPercent(manager.MovableBytes, manager.OnlineBytes)}), ` +
                `${formatBytes(manager.OfflineBytes)} offline. memoryd ${manager.Version}, blocks of ` +
                `${formatBytes(manager.BlockSizeBytes)}.`);
        if (memoryd.isRunning === false)
            this.showBanner("stopped", () => this.stoppedBanner());
        else if (memoryd.isLimited())
            this.showBanner("limited", () => make("p", { class: "alert info",
                text: "You can look at everything. To change something, turn on administrative access at the top " +
                      "of the window." }));
        else
            this.showBanner("", () => "");
    }

    /* A banner that is there already stays as it is. */
    showBanner(kind, build) {
        if (this.banner.dataset.kind === kind)
            return;
        this.banner.dataset.kind = kind;
        this.banner.replaceChildren(build());
    }

    stoppedBanner() {
        const failure = make("p", { role: "alert" });
        const button = make("button", { type: "button", class: "primary", text: "Start and enable memoryd",
            click: async () => {
                button.disabled = true;
                setText(failure, "");
                try {
                    await cockpit.spawn(START, { superuser: "require", err: "message" });
                } catch (error) {
                    setText(failure, error.problem === "access-denied" || error.problem === "authentication-failed"
                        ? "This needs administrative access, which you can turn on at the top of the window."
                        : error.message);
                }
                button.disabled = false;
            } });

        return make("div", { class: "alert warning" }, make("p", { text: "memoryd is not running." }),
            make("p", {}, "Start it with ", make("code", { text: START.join(" ") }), "."), button, failure);
    }

    showFailure(error) {
        this.showBanner(`failure ${error.message}`, () => make("p", { class: "alert danger", role: "alert",
            text: `memoryd cannot be asked: ${error.message ?? error.problem}` }));
    }
}

followTheme();
new Page();
