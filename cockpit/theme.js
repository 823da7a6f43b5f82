/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Follows the style that the user chose in Cockpit: light, dark, or that of the browser. */

const dark = window.matchMedia("(prefers-color-scheme: dark)");

function apply(chosen) {
    const style = chosen || localStorage.getItem("shell:style") || "auto";
    const isDark = style === "dark" || (style === "auto" && dark.matches);

    document.documentElement.classList.toggle("dark", isDark);
    document.dispatchEvent(new Event("theme"));
}

/* Cockpit's frame tells of a choice by an event, other windows by the storage that they share. */
export function followTheme() {
    window.addEventListener("storage", event => {
        if (event.key === "shell:style")
            apply();
    });
    window.addEventListener("cockpit-style", event => {
        if (event instanceof CustomEvent)
            apply(event.detail.style);
    });
    dark.addEventListener("change", () => apply());
    apply();
}
