/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* memoryd on D-Bus: what it knows, kept up to date by its signals. org.memoryd1(5) has the interface. */

/* global cockpit */

const NAME = "org.memoryd1", PATH = "/org/memoryd1", MANAGER = `${NAME}.Manager`;
const POLKIT = "org.freedesktop.PolicyKit1", AUTHORITY = "/org/freedesktop/PolicyKit1/Authority";

/* The rights that polkit gives, by the methods of memoryd that need them. */
const ACTIONS = {
    Reload: [`${NAME}.reload`],
    Online: [`${NAME}.online`],
    Offline: [`${NAME}.offline`],
    SetZone: [`${NAME}.set-zone`],
    Force: [`${NAME}.force`],
};

const NO_RIGHT = "This needs administrative access, which you can turn on at the top of the window.";

/* Of more ranges than these, all blocks are read. */
const RANGES_MAX = 16;

/* Changes that come within these milliseconds are asked for together. */
const BLOCKS_PAUSE = 200, REST_PAUSE = 1000;

/* What the fields of a block are, in the order of ListBlocks(). */
const BLOCK_FIELDS = ["id", "node", "state", "zones", "class", "decision", "rule", "guards", "status",
    "errno", "device", "origin"];
const DECISION_FIELDS = ["firstTime", "lastTime", "ranges", "count", "node", "device", "decision", "rule", "guards",
    "status", "onlinedBy", "errno", "reason"];
const CHANGE_FIELDS = ["node", "from", "to", "ranges", "bytes", "nodeBytes", "nodeMovableBytes"];
const RANGE_FIELDS = ["first", "last", "node", "state", "isAdded", "class", "device", "origin", "decision", "rule",
    "guards", "reason"];
const SETTING_FIELDS = ["key", "value", "text", "file", "line"];
const RULE_FIELDS = ["name", "file", "line", "zone", "movableNode", "criteria"];
const FINDING_FIELDS = ["check", "subject", "problem", "advice"];

function named(fields, row) {
    return Object.fromEntries(fields.map((field, index) => [field, row[index]]));
}

/* The values of a dictionary of variants. */
function plain(variants) {
    return Object.fromEntries(Object.entries(variants).map(([key, variant]) => [key, variant.v]));
}

/*
 * Runs a function again and again, but never twice at a time, and at most once in each pause. What it throws goes to
 * onError().
 */
class Repeater {
    constructor(run, pause, onError) {
        this.run = run;
        this.onError = onError;
        this.pause = pause;
        this.isWanted = this.isBusy = false;
    }

    request() {
        this.isWanted = true;
        if (this.isBusy)
            return;
        this.isBusy = true;
        window.setTimeout(async () => {
            this.isWanted = false;
            try {
                await this.run();
            } catch (error) {
                this.onError(error);
            }
            this.isBusy = false;
            if (this.isWanted)
                this.request();
        }, this.pause);
    }
}

/*
 * Sends the events "running" when memoryd came or went, "objects" when properties of the manager, of
 * nodes or of jobs changed, and "blocks", "devices", "health", "history", "policy", "rights" when these did, and
 * "job-end" when a job ended.
 */
export class Memoryd extends EventTarget {
    constructor() {
        super();
        this.isRunning = null; /* null until it is known */
        this.permission = cockpit.permission({ admin: true });
        this.permission.addEventListener("changed", () => this.connect());
        this.bus = cockpit.dbus("org.freedesktop.DBus", { bus: "system" });
        this.bus.subscribe({ interface: "org.freedesktop.DBus", member: "NameOwnerChanged", arg0: NAME },
            (path, iface, member, [, , owner]) => this.setRunning(owner !== ""));
        this.blocksRepeater = this.repeater(() => this.readBlocks(), BLOCKS_PAUSE);
        this.devicesRepeater = this.repeater(() => this.readDevices(), BLOCKS_PAUSE);
        this.healthRepeater = this.repeater(() => this.readHealth(), REST_PAUSE);
        this.historyRepeater = this.repeater(() => this.readHistory(), REST_PAUSE);
        this.policyRepeater = this.repeater(() => this.readPolicy(), BLOCKS_PAUSE);
        this.forget();
    }

    /* Without a connection, or with another one than at the start, nothing is read and nothing is wrong. */
    repeater(read, pause) {
        let client = null;

        return new Repeater(async () => {
            client = this.client;
            if (client)
                await read();
        }, pause, error => client === this.client && this.tell("failure", error));
    }

    forget() {
        this.manager = {};
        this.nodes = new Map();
        this.zones = new Map();
        this.jobs = new Map();
        this.blocks = [];
        this.devices = [];
        this.findings = this.notes = this.history = this.policy = null;
        this.changed = [];
        this.rights = {};
    }

    async start() {
        try {
            const [owned] = await this.bus.call("/org/freedesktop/DBus", "org.freedesktop.DBus",
                "NameHasOwner", [NAME]);

            this.setRunning(owned);
        } catch (error) {
            this.tell("failure", error);
        }
    }

    tell(type, detail) {
        this.dispatchEvent(new CustomEvent(type, { detail }));
    }

    setRunning(isRunning) {
        /* When memoryd restarts, its name goes and comes. */
        if (isRunning === this.isRunning)
            return;
        this.isRunning = isRunning;
        this.connect();
    }

    /* Polkit is asked as the user, whose rights these are. It tells when its rules change. */
    connectPolkit() {
        this.polkit?.close();
        this.polkit = cockpit.dbus(POLKIT, { bus: "system" });
        this.polkit.subscribe({ path: AUTHORITY, member: "Changed" }, () => this.client && this.readRights());
    }

    /* Opens a connection with the rights that the user has now. */
    async connect() {
        if (this.client)
            this.client.close();
        this.client = null;
        this.forget();
        this.tell("running");
        if (!this.isRunning)
            return;

        this.connectPolkit();

        const client = cockpit.dbus(NAME, { bus: "system", superuser: "try" });

        this.client = client;
        client.subscribe({ path_namespace: PATH }, (path, iface, member, values) =>
            this.onSignal(path, `${iface}.${member}`, values));
        try {
            await client.wait();
            const [objects] = await client.call(PATH, "org.freedesktop.DBus.ObjectManager",
                "GetManagedObjects", []);
            const [manager] = await client.call(PATH, "org.freedesktop.DBus.Properties", "GetAll",
                [MANAGER]);

            if (client !== this.client)
                return;
            this.manager = plain(manager);
            for (const [path, interfaces] of Object.entries(objects))
                this.addObject(path, interfaces);
            this.tell("objects");
            await this.readRights();
            await this.readBlocks();
            await this.readDevices();
            await this.readHealth();
            await this.readPolicy();
            await this.readHistory();
        } catch (error) {
            if (client === this.client)
                this.tell("failure", error);
        }
    }

    async call(method, values = [], options = {}) {
        return await this.client.call(PATH, MANAGER, method, values, options);
    }

    /* Objects */

    addObject(path, interfaces) {
        if (interfaces[`${NAME}.Node`])
            this.nodes.set(path, plain(interfaces[`${NAME}.Node`]));
        if (interfaces[`${NAME}.Zone`])
            this.zones.set(path, plain(interfaces[`${NAME}.Zone`]));
        if (interfaces[`${NAME}.Job`])
            this.jobs.set(path, plain(interfaces[`${NAME}.Job`]));
    }

    onSignal(path, signal, values) {
        switch (signal) {
        case "org.freedesktop.DBus.Properties.PropertiesChanged": {
            const object = path === PATH ? this.manager :
                this.nodes.get(path) ?? this.jobs.get(path) ?? this.zones.get(path);

            if (object)
                Object.assign(object, plain(values[1]));
            if (path === PATH)
                this.healthRepeater.request();
            if (path === PATH && ("ConfigFiles" in values[1] || values[2].includes("ConfigFiles")))
                this.policyRepeater.request();
            this.tell("objects");
            break;
        }
        case "org.freedesktop.DBus.ObjectManager.InterfacesAdded":
            this.addObject(values[0], values[1]);
            this.devicesRepeater.request();
            this.tell("objects");
            break;
        case "org.freedesktop.DBus.ObjectManager.InterfacesRemoved":
            for (const map of [this.nodes, this.zones, this.jobs])
                map.delete(values[0]);
            this.devicesRepeater.request();
            this.tell("objects");
            break;
        case `${MANAGER}.BlocksChanged`:
            this.changed.push(...values[0]);
            this.blocksRepeater.request();
            this.devicesRepeater.request();
            this.healthRepeater.request();
            this.historyRepeater.request();
            break;
        case `${MANAGER}.JobRemoved`:
            this.tell("job-end", { id: values[0], result: values[2], ...plain(values[3]) });
            this.blocksRepeater.request();
            break;
        }
    }

    sortedNodes() {
        return [...this.nodes.values()].sort((one, other) => one.Id - other.Id);
    }

    sortedJobs() {
        return [...this.jobs].map(([path, job]) => ({ path, ...job }))
            .sort((one, other) => one.Id - other.Id);
    }

    /* The free memory of nodes changes without a signal: it is read when blocks change. */
    async readFree() {
        for (const [path, node] of this.nodes) {
            const [variant] = await this.client.call(path, "org.freedesktop.DBus.Properties", "Get",
                [`${NAME}.Node`, "FreeBytes"]);

            node.FreeBytes = variant.v;
        }
        this.tell("objects");
    }

    /* Lists */

    async readBlocks() {
        const ranges = this.changed, isFirst = this.blocks.length === 0;

        this.changed = [];
        if (isFirst || ranges.length > RANGES_MAX) {
            const [rows] = await this.call("ListBlocks");

            this.blocks = rows.map(row => named(BLOCK_FIELDS, row));
        } else {
            await this.readRanges(ranges);
        }
        this.tell("blocks");
        if (!isFirst)
            await this.readFree();
    }

    /* Reads only the blocks of some ranges. */
    async readRanges(ranges) {
        const all = new Map(this.blocks.map(block => [block.id, block])), size = this.manager.BlockSizeBytes;

        for (const [first, last] of ranges) {
            const [rows] = await this.call("ListBlocksInRange", [first * size, (last + 1) * size - 1]);

            for (let id = first; id <= last; id++)
                all.delete(id);
            for (const row of rows)
                all.set(row[0], named(BLOCK_FIELDS, row));
        }
        this.blocks = [...all.values()].sort((one, other) => one.id - other.id);
    }

    async readDevices() {
        const [devices] = await this.call("ListDevices");

        this.devices = devices.map(plain);
        this.tell("devices");
    }

    async readHealth() {
        const [findings] = await this.call("Verify"), [notes] = await this.call("VerifyNotes");

        this.findings = findings.map(row => named(FINDING_FIELDS, row));
        this.notes = notes.map(row => named(FINDING_FIELDS, row));
        this.tell("health");
    }

    async readHistory() {
        const [rows] = await this.call("History");

        this.history = rows.map(row => named(DECISION_FIELDS, row));
        this.tell("history");
    }

    async readPolicy() {
        const [settings, rules] = await this.call("GetPolicy");

        this.policy = {
            settings: settings.map(row => named(SETTING_FIELDS, row)),
            rules: rules.map(row => named(RULE_FIELDS, row)),
        };
        this.tell("policy");
    }

    async explain(id) {
        const [explanation] = await this.call("Explain", [id]);

        return plain(explanation);
    }

    /* Rights */

    /*
     * Asks polkit what the user may do. Without polkit, only root may do anything.
     */
    async readRights() {
        const client = this.client, isRoot = this.permission.allowed === true;

        this.rights = Object.fromEntries(Object.keys(ACTIONS).map(method => [method, isRoot]));
        if (!isRoot) {
            try {
                for (const [method, actions] of Object.entries(ACTIONS)) {
                    const [[isAuthorized]] = await this.polkit.call(AUTHORITY, `${POLKIT}.Authority`, "CheckAuthorization",
                        [["system-bus-name", { name: { t: "s", v: client.unique_name } }], actions[0], {}, 0, ""],
                        { type: "(sa{sv})sa{ss}us" });

                    this.rights[method] = isAuthorized;
                }
            } catch (error) {
                console.warn("polkit:", error.message ?? error);
            }
        }
        if (client === this.client)
            this.tell("rights");
    }

    /* Why the user may not call a method, or null. */
    lackOfRight(method) {
        return this.rights[method] ? null : NO_RIGHT;
    }

    isLimited() {
        return this.isRunning && Object.values(this.rights).some(right => !right);
    }

    /* Requests */

    /* Creates a job. The keys of the request are those of org.memoryd1(5). Returns the path of the job. */
    async request(method, keys) {
        const [path] = await this.call(method, [requestOf(keys)], { type: "a{sv}" });

        return path;
    }

    /* Returns what a request would change: the rows of Preview(). Throws the error that the request would have. */
    async preview(kind, keys) {
        const [rows] = await this.call("Preview", [kind, requestOf(keys)], { type: "sa{sv}" });

        return rows.map(row => named(CHANGE_FIELDS, row));
    }

    async cancel(path) {
        await this.client.call(path, `${NAME}.Job`, "Cancel", []);
    }

    /*
     * Has memoryd plan with a drop-in beside the files that are installed. Nothing is changed. Throws an error with the
     * faults of the drop-in. Returns what would become of the memory: the rows of Plan().
     */
    async plan(text, name) {
        const options = { DropIn: { t: "s", v: text }, DropInName: { t: "s", v: name } };
        const [ranges] = await this.call("Plan", [options], { type: "a{sv}" });

        return ranges.map(row => named(RANGE_FIELDS, row));
    }

    /* What holds the blocks of some ranges, in words, and what can be done about it. */
    async whatHolds(ranges) {
        const found = [];

        for (const [first, last] of ranges) {
            const [, text, advice] = await this.call("CountPages", [first, last]);

            found.push({ first, last, text, advice });
        }
        return found;
    }

    async reload() {
        await this.call("Reload");
    }
}

const REQUEST_TYPES = { Blocks: "a(uu)", Node: "u", Device: "s", Size: "t", Zone: "s", MovablePercent: "u",
    MovableBytes: "t", TimeoutUSec: "t", Force: "b", UndoOnFailure: "b" };

function requestOf(keys) {
    return Object.fromEntries(Object.entries(keys).map(([key, value]) =>
        [key, { t: REQUEST_TYPES[key], v: value }]));
}
