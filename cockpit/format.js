/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Values as text, as memoryctl writes them. */

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

/* Bytes in the largest unit of which there is at least one, with one digit after the point at most. */
export function formatBytes(bytes) {
    let unit = 0, value = bytes;

    while (value >= 1024 && unit < UNITS.length - 1) {
        value /= 1024;
        unit++;
    }
    return `${Math.round(value * 10) / 10} ${UNITS[unit]}`;
}

export function formatPercent(part, whole) {
    return whole > 0 ? `${Math.round(100 * part / whole)}%` : "–";
}

export function formatCount(n, noun) {
    return `${n.toLocaleString("en")} ${noun}${n === 1 ? "" : "s"}`;
}

/* Microseconds since 1970 as local date and time. */
export function formatTime(usec) {
    const date = new Date(usec / 1000), two = n => String(n).padStart(2, "0");

    return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ` +
        `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

export function formatBlocks(first, last) {
    return first === last ? `${first}` : `${first}–${last}`;
}

/* Ranges, each with its first and last block, as text. */
export function formatRanges(ranges) {
    return ranges.map(([first, last]) => formatBlocks(first, last)).join(", ");
}

/* Gives a phrase of memoryd a large letter and a full stop, unless it has them. */
export function asSentence(phrase) {
    return phrase && `${phrase[0].toUpperCase()}${phrase.slice(1)}${phrase.endsWith(".") ? "" : "."}`;
}

/* "block 7" or "blocks 7–9, 12". */
export function nameBlocks(ranges) {
    const isOne = ranges.length === 1 && ranges[0][0] === ranges[0][1];

    return `${isOne ? "block" : "blocks"} ${formatRanges(ranges)}`;
}

export function formatNode(node) {
    return node < 0 ? "not known" : `${node}`;
}
