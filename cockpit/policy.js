/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* The policy in force, and an editor for one drop-in, which memoryd checks before it is saved. */

/* global cockpit */

import { Table, announce, make, setText, updateChildren } from "./view.js";
import { confirm } from "./dialog.js";
import { asSentence, formatNode, nameBlocks } from "./format.js";

const FOLDER = "/etc/memoryd/memoryd.conf.d";
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*\.conf$/;
const NEW = "50-cockpit.conf";

/* What the text would do to memory that is offline now. */
function describePlan(plan) {
    const lines = plan.filter(({ decision }) => decision !== "none").map(({ first, last, node, decision, reason }) =>
        asSentence(`${nameBlocks([[first, last]])} of node ${formatNode(node)}: ${decision}, ${reason}`));

    return lines.length > 0 ? `With it:\n${lines.join("\n")}` : "No memory that is here now would be decided on anew.";
}

export class PolicyCard {
    constructor(card, memoryd, dialogs) {
        this.memoryd = memoryd;
        this.files = make("ol", { class: "files" });
        this.name = make("input", { id: "drop-in-name", value: NEW, list: "drop-ins", spellcheck: "false",
            autocomplete: "off", change: () => this.open() });
        this.names = make("datalist", { id: "drop-ins" });
        this.text = make("textarea", { id: "drop-in-text", rows: "12", spellcheck: "false",
            "aria-describedby": "drop-in-help", input: () => this.edit() });
        this.verdict = make("p", { class: "preview", role: "status" });
        this.check = dialogs.button("Reload", "Check", "the drop-in", () => this.doCheck());
        this.save = dialogs.button("Reload", "Save and apply", "the drop-in", () => this.doSave());
        this.save.className = "primary";
        this.remove = dialogs.button("Reload", "Remove…", "the drop-in", () => this.doRemove());
        this.settings = new Table("Settings", [
            { title: "Setting", text: ({ key }) => key },
            { title: "Value", text: ({ text }) => text },
            { title: "From", wide: true, text: ({ file, line }) => file ? `${file}:${line}` : "default" },
        ], ({ key }) => key, "All settings have their defaults.");
        this.rules = new Table("Rules, the first that matches decides", [
            { title: "Rule", text: ({ name }) => name || "no name" },
            { title: "If", wide: true, text: ({ criteria }) =>
                criteria.map(([key, value]) => `${key} = ${value}`).join("; ") || "always" },
            { title: "Zone", text: ({ zone, movableNode }) => movableNode ? `${zone}, movable_node` : zone },
            { title: "From", wide: true, text: ({ file, line }) => `${file}:${line}` },
        ], ({ file, line }) => `${file}:${line}`, "There are no rules: all memory is decided on by the guards.");
        this.all = make("input", { type: "checkbox", id: "all-settings", change: () => this.update() });
        card.append(
            make("h3", { text: "Settings" }), this.settings.element,
            make("div", { class: "choice" }, this.all,
                make("label", { for: "all-settings", text: "Also those that have their defaults" })),
            make("h3", { text: "Rules, the first that matches decides" }), this.rules.element,
            make("h3", { text: "Files in force" }), this.files,
            make("details", { toggle: () => this.open() }, make("summary", { text: "Edit a drop-in" }),
                make("div", { class: "field" },
                    make("label", { for: "drop-in-name", text: `Name of the file in ${FOLDER}` }), this.name, this.names),
                make("div", { class: "field" }, make("label", { for: "drop-in-text", text: "Text" }), this.text),
                make("p", { id: "drop-in-help", class: "help",
                    text: "memoryd checks the text before it is saved. memoryd.conf(5) has the settings." }),
                this.verdict, make("div", { class: "buttons" }, this.save, this.check, this.remove)));
        this.editor = this.text.closest("details");
    }

    update() {
        const files = this.memoryd.manager.ConfigFiles ?? [], { settings, rules } = this.memoryd.policy;

        this.settings.update(settings.filter(({ file }) => file || this.all.checked));
        this.rules.update(rules);

        updateChildren(this.files, files, file => file, file => make("li", { text: file }), () => {});
        updateChildren(this.names, this.dropIns(), name => name, name => make("option", { value: name }), () => {});
        this.showRemove();
    }

    showRemove() {
        this.remove.hidden = !this.dropIns().includes(this.name.value);
    }

    dropIns() {
        return (this.memoryd.manager.ConfigFiles ?? []).filter(file => file.startsWith(`${FOLDER}/`))
            .map(file => file.slice(FOLDER.length + 1));
    }

    /* The file, or null with a message if its name is not allowed. */
    file() {
        if (NAME.test(this.name.value))
            return cockpit.file(`${FOLDER}/${this.name.value}`, { superuser: "try" });
        this.show("Give a name of letters, digits, dots, dashes and underscores that ends in .conf.", false);
        return null;
    }

    /* Shows the text of the named file. Until it is read, nothing can be typed, checked or saved. */
    async open() {
        const file = this.editor.open && this.file();

        if (!file || file.path === this.path)
            return;
        this.path = file.path;
        this.text.disabled = true;
        this.show("Reading the file.", true);
        try {
            const text = await file.read();

            /* Another name was given meanwhile. */
            if (file.path !== this.path)
                return;
            this.text.value = text ?? "";
            this.text.disabled = false;
            this.show(text === null ? "This file does not exist yet." : "", true);
        } catch (error) {
            if (file.path !== this.path)
                return;
            this.path = null;
            this.show(error.message, false);
        }
        this.showRemove();
    }

    edit() {
        this.show("", true);
    }

    show(text, isGood) {
        setText(this.verdict, text);
        this.verdict.classList.toggle("danger", !isGood);
    }

    /* Has memoryd read the text, and plan with it. Returns the plan, or null if the text has a fault. */
    async plan() {
        if (this.text.disabled) {
            this.show("The text of this file has not been read.", false);
            return null;
        }
        try {
            return await this.memoryd.plan(this.text.value, `${FOLDER}/${this.name.value}`);
        } catch (error) {
            this.show(error.message, false);
            return null;
        }
    }

    async doCheck() {
        const plan = this.file() && await this.plan();

        if (plan)
            this.show(`memoryd finds no fault. ${describePlan(plan)}`, true);
    }

    async doSave() {
        const file = this.file();

        if (!file || !await this.plan())
            return;
        try {
            const before = await file.read();

            await file.replace(this.text.value);
            if (await this.apply(file, before)) {
                this.show("Saved, and in force.", true);
                announce("The drop-in is saved and in force.");
            }
        } catch (error) {
            this.show(error.message, false);
        }
    }

    /* Has memoryd read all files. If it refuses them, the file becomes as it was. */
    async apply(file, before) {
        try {
            await this.memoryd.reload();
            return true;
        } catch (error) {
            await file.replace(before);
            await this.memoryd.reload();
            this.show(`Not saved: ${error.message}`, false);
            return false;
        }
    }

    async doRemove() {
        const file = this.file();

        if (!file || !await confirm("Remove the drop-in", `${file.path} is deleted, and memoryd reads the ` +
            "configuration again.", "Remove"))
            return;
        try {
            const before = await file.read();

            await file.replace(null);
            if (await this.apply(file, before)) {
                this.text.value = "";
                this.text.focus();
                this.show("Removed.", true);
            }
        } catch (error) {
            this.show(error.message, false);
        }
    }
}
