/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Makes elements and keeps them up to date. Texts of memoryd become text nodes only, never HTML. */

/*
 * Makes an element. Of the attributes, "text" is its text, and a function is a listener. Attributes
 * that are null or false are left out.
 */
export function make(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);

    for (const [name, value] of Object.entries(attributes)) {
        if (typeof value === "function")
            element.addEventListener(name, value);
        else if (name === "text")
            element.textContent = value;
        else if (value !== null && value !== false && value !== undefined)
            element.setAttribute(name, value === true ? "" : value);
    }
    element.append(...children);
    return element;
}

/* Changes the text of an element only if it differs, so that a screen reader has no reason to repeat it. */
export function setText(element, text) {
    if (element.textContent !== text)
        element.textContent = text;
}

const kept = new WeakMap();

/*
 * Makes the children of a parent those of the items, in their order. An item that stays keeps its
 * child, and with it the focus. create(item) returns a child, update(child, item) fills it.
 */
export function updateChildren(parent, items, keyOf, create, update) {
    const before = kept.get(parent) ?? new Map(), after = new Map();
    let place = parent.firstElementChild;

    for (const item of items) {
        const key = keyOf(item), child = before.get(key) ?? create(item);

        after.set(key, child);
        if (child === place)
            place = place.nextElementSibling;
        else
            parent.insertBefore(child, place);
        update(child, item);
    }
    for (const [key, child] of before)
        if (!after.has(key))
            child.remove();
    kept.set(parent, after);
}

/*
 * A table. Each column has a title, and text(item), or fill(cell, item) for a cell of elements. In a
 * narrow window the rows are lists: the roles keep them rows for a screen reader.
 */
export class Table {
    constructor(label, columns, keyOf, empty) {
        this.columns = columns;
        this.keyOf = keyOf;
        this.body = make("tbody", { role: "rowgroup" });
        this.empty = make("p", { class: "empty", text: empty });
        this.table = make(
            "table", { role: "table", "aria-label": label },
            make("thead", { role: "rowgroup" },
                make("tr", { role: "row" }, ...columns.map(column =>
                    make("th", { role: "columnheader", scope: "col",
                        class: column.number ? "number" : null, text: column.title })))),
            this.body);
        this.element = make("div", { class: "table" }, this.table, this.empty);
        this.update([]);
    }

    update(items) {
        this.table.hidden = items.length === 0;
        this.empty.hidden = items.length !== 0;
        updateChildren(this.body, items, this.keyOf, () => this.row(), (row, item) => {
            this.columns.forEach((column, index) => {
                if (column.fill)
                    column.fill(row.children[index], item);
                else
                    setText(row.children[index], column.text(item));
            });
        });
    }

    row() {
        return make("tr", { role: "row" }, ...this.columns.map(column =>
            make("td", { role: "cell", "data-title": column.title,
                class: column.number ? "number" : column.wide ? "wide" : null })));
    }
}

/* Announces a sentence to screen readers. */
export function announce(sentence) {
    document.getElementById("live").textContent = sentence;
}

/*
 * A button for an action that may need a right. Without the right it can still have the focus, and
 * says why it does nothing.
 */
export function actionButton(text, label, act) {
    const button = make("button", { type: "button", class: "secondary", text, "aria-label": label,
        click: () => {
            const reason = button.dataset.reason;

            if (reason)
                announce(reason);
            else
                act();
        } });

    return button;
}

/* Disables a button for a reason, or enables it when there is none. */
export function setReason(button, reason) {
    if (reason) {
        button.dataset.reason = reason;
        button.setAttribute("aria-disabled", "true");
        button.setAttribute("title", reason);
        button.setAttribute("aria-description", reason);
    } else {
        delete button.dataset.reason;
        button.removeAttribute("aria-disabled");
        button.removeAttribute("title");
        button.removeAttribute("aria-description");
    }
}
