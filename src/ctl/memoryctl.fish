# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: memoryd contributors
# fish completion for memoryctl(1)

set -g __memoryctl_verbs status list nodes zones devices map explain history plan online offline set-zone jobs \
    cancel metrics monitor config verify reload rescan help

# Whether the verb is one of these. Without a verb, it is status.
function __memoryctl_verb_is
    set -l verb status
    for word in (commandline -opc)[2..]
        if contains -- $word $__memoryctl_verbs
            set verb $word
            break
        end
    end
    contains -- $verb $argv
end

# Asks memoryd for columns of a table. When another machine is meant, there is nothing to ask.
function __memoryctl_ask -a verb columns
    string match -qr -- '^(-[HMs]|--host|--machine|--sysroot)' (commandline -opc)[2..]
    or memoryctl $verb --noheadings --output $columns 2>/dev/null </dev/null | string trim
end

# Ranges of blocks that are in a state that matches the pattern.
function __memoryctl_blocks -a states
    __memoryctl_ask list BLOCK,STATE | string replace -rf "^(\S+)\s+($states)\$" '$1'
end

# The columns that the typed list does not have yet, each after the typed list.
function __memoryctl_columns
    set -l token (commandline -ct | string replace -r '^(--output=|-o)' '')
    set -l before (string match -r '^.*[,+]' -- $token)
    test -n "$before"
    or echo help
    for column in $argv
        contains -- $column (string split , -- (string trim -lc + -- "$before"))
        or echo "$before$column"
    end
end

complete -c memoryctl -f

set -l none "not __fish_seen_subcommand_from $__memoryctl_verbs"
complete -c memoryctl -n $none -a status -d 'totals, nodes, what is pending or failed and why'
complete -c memoryctl -n $none -a list -d 'memory blocks as ranges'
complete -c memoryctl -n $none -a nodes -d 'NUMA nodes'
complete -c memoryctl -n $none -a zones -d 'zones of the nodes'
complete -c memoryctl -n $none -a devices -d 'devices, whether they can be removed, and why not'
complete -c memoryctl -n $none -a map -d 'a picture of the machine'
complete -c memoryctl -n $none -a explain -d 'why a block is what it is'
complete -c memoryctl -n $none -a history -d 'the last decisions'
complete -c memoryctl -n $none -a plan -d 'what would become of offline memory, or of more of it'
complete -c memoryctl -n $none -a online -d 'bring memory online'
complete -c memoryctl -n $none -a offline -d 'take memory offline, so that it can be removed'
complete -c memoryctl -n $none -a set-zone -d 'make memory movable or kernel memory'
complete -c memoryctl -n $none -a jobs -d 'jobs that have not ended'
complete -c memoryctl -n $none -a cancel -d 'end jobs before they are done'
complete -c memoryctl -n $none -a monitor -d 'print events as they happen'
complete -c memoryctl -n $none -a metrics -d 'figures and counters for Prometheus'
complete -c memoryctl -n $none -a config -d 'the configuration, its files or what is in force'
complete -c memoryctl -n $none -a verify -d 'what on this machine works against the policy'
complete -c memoryctl -n $none -a reload -d 'make memoryd read its configuration again'
complete -c memoryctl -n $none -a rescan -d 'make memoryd read all blocks again'
complete -c memoryctl -n $none -a help -d 'print the help, or that of a verb'

# What may follow a verb. A block to explain is one, not a range.
complete -c memoryctl -n '__memoryctl_verb_is list' -a "(__memoryctl_blocks '.*')"
complete -c memoryctl -n '__memoryctl_verb_is online' -a '(__memoryctl_blocks offline)'
complete -c memoryctl -n '__memoryctl_verb_is offline set-zone' -a '(__memoryctl_blocks online)'
complete -c memoryctl -n '__memoryctl_verb_is set-zone' -a 'movable kernel'
complete -c memoryctl -n '__memoryctl_verb_is explain' -a "(__memoryctl_blocks '.*' | string replace -r -- '-.*' '')"
complete -c memoryctl -n '__memoryctl_verb_is devices' -a '(__memoryctl_ask devices DEVICE | string match -r .+)'
complete -c memoryctl -n '__memoryctl_verb_is cancel' -a '(__memoryctl_ask jobs ID)'
complete -c memoryctl -n '__memoryctl_verb_is help' -a '$__memoryctl_verbs'

complete -c memoryctl -n '__memoryctl_verb_is list plan rescan' -s a -l all -d 'each block, all of a plan, or also what was taken offline'
complete -c memoryctl -n '__memoryctl_verb_is status list nodes zones devices map history plan monitor' -s b -l bytes -d 'print sizes in bytes'
complete -c memoryctl -n '__memoryctl_verb_is list nodes zones devices plan history jobs config' -s n -l noheadings -d 'print no headings and no totals'
complete -c memoryctl -n '__memoryctl_verb_is list nodes zones devices plan history jobs config' -l no-legend -d 'print no headings and no totals'
complete -c memoryctl -n '__memoryctl_verb_is online offline set-zone cancel verify reload rescan' -s q -l quiet -d 'print failures alone'
complete -c memoryctl -n '__memoryctl_verb_is status list nodes zones devices map explain history plan online offline set-zone jobs monitor config verify' -s J -l json -d 'print JSON'
complete -c memoryctl -n '__memoryctl_verb_is list nodes zones devices map plan config' -s s -l sysroot -xa '(__fish_complete_directories)' -d 'read a recorded machine'
complete -c memoryctl -n '__memoryctl_verb_is list nodes zones devices map plan' -l architecture -xa 'x86-64 arm64 ppc64-le s390x' -d 'architecture of the recorded machine'
complete -c memoryctl -n '__memoryctl_verb_is list nodes zones devices map plan' -l virtualization -xa '(systemd-detect-virt --list 2>/dev/null)' -d 'virtualization of the recorded machine'
complete -c memoryctl -n '__memoryctl_verb_is plan' -l add -x -d 'plan with memory added'
complete -c memoryctl -n '__memoryctl_verb_is plan' -l config -rF -d 'plan with this configuration alone'
complete -c memoryctl -n '__memoryctl_verb_is plan' -l with-drop-in -rF -d 'plan with this drop-in beside the installed files'
complete -c memoryctl -n '__memoryctl_verb_is metrics' -l file -rF -d 'replace this file with the metrics'
complete -c memoryctl -n '__memoryctl_verb_is metrics' -l openmetrics -d 'keep strictly to OpenMetrics 1.0'
complete -c memoryctl -n '__memoryctl_verb_is map' -l svg -rF -d 'draw the map into a file'
complete -c memoryctl -n '__memoryctl_verb_is history online offline set-zone' -l node -xa '(__memoryctl_ask nodes NODE)' -d 'memory of this node'
complete -c memoryctl -n '__memoryctl_verb_is history online offline set-zone' -l device -xa '(__memoryctl_ask devices DEVICE | string match -r .+)' -d 'memory of this device'
complete -c memoryctl -n '__memoryctl_verb_is history' -l since -xa 'today yesterday -1h' -d 'show the history from this time on'
complete -c memoryctl -n '__memoryctl_verb_is online offline set-zone' -l size -x -d 'so much memory'
complete -c memoryctl -n '__memoryctl_verb_is online' -l zone -xa 'movable kernel' -d 'zone to bring memory online in'
complete -c memoryctl -n '__memoryctl_verb_is set-zone' -l movable -x -d 'how much of a node is to be movable'
complete -c memoryctl -n '__memoryctl_verb_is online offline set-zone' -l force -d 'do what the guards of the policy would refuse'
complete -c memoryctl -n '__memoryctl_verb_is online offline set-zone' -l yes -d 'do not ask whether to go on'
complete -c memoryctl -n '__memoryctl_verb_is online offline set-zone' -l timeout -x -d 'what a job may take'
complete -c memoryctl -n '__memoryctl_verb_is online offline set-zone' -l no-wait -d 'print the job, and do not wait for it'
complete -c memoryctl -n '__memoryctl_verb_is online offline set-zone' -l undo-on-failure -d 'take back what was done if some of it fails'
complete -c memoryctl -n '__memoryctl_verb_is config' -l effective -d 'print what is in force, not the files'
complete -c memoryctl -l no-pager -d 'do not start a pager'
complete -c memoryctl -s H -l host -xa '(__fish_print_hostnames)' -d 'ask the memoryd of another host'
complete -c memoryctl -s M -l machine -xa "(machinectl list --no-legend 2>/dev/null | string replace -r ' .*' '')" -d 'ask the memoryd of a container'
complete -c memoryctl -l no-ask-password -d 'do not ask for passwords'
complete -c memoryctl -s h -l help -d 'print the help'
complete -c memoryctl -s V -l version -d 'print the version'

complete -c memoryctl -n '__memoryctl_verb_is list' -s o -l output -d 'show these columns' \
    -xa '(__memoryctl_columns RANGE SIZE STATE BLOCK NODE ZONES DECISION CLASS RULE GUARDS STATUS ERROR DEVICE \
        ORIGIN CXL_REGION CXL_MEMDEVS)'
complete -c memoryctl -n '__memoryctl_verb_is nodes' -s o -l output -d 'show these columns' \
    -xa '(__memoryctl_columns NODE CPU ONLINE OFFLINE KERNEL MOVABLE FREE MOVABLE_ONLY DISTANCES KERNEL_SHORT \
        KERNEL_AUTO_ONLINE TIER READ_BANDWIDTH WRITE_BANDWIDTH READ_LATENCY \
        WRITE_LATENCY)'
complete -c memoryctl -n '__memoryctl_verb_is zones' -s o -l output -d 'show these columns' \
    -xa '(__memoryctl_columns NODE ZONE PRESENT MANAGED SPANNED FREE)'
complete -c memoryctl -n '__memoryctl_verb_is devices' -s o -l output -d 'show these columns' \
    -xa '(__memoryctl_columns DEVICE ORIGIN NODE SIZE KERNEL MOVABLE OFFLINE REMOVABLE OBSTACLE REASON ADVICE RANGE \
        BLOCK UNIT DRIVER STATE DAX_STATE PENDING FAILED FOREIGN JOB)'
complete -c memoryctl -n '__memoryctl_verb_is history' -s o -l output -d 'show these columns' \
    -xa '(__memoryctl_columns TIME SIZE BLOCK NODE DECISION STATUS REASON UNTIL DEVICE RULE GUARDS ONLINED_BY \
        ERROR DECISIONS USEC UNTIL_USEC)'
complete -c memoryctl -n '__memoryctl_verb_is jobs' -s o -l output -d 'show these columns' \
    -xa '(__memoryctl_columns ID KIND STATE DONE TOTAL FAILED TARGET USER ZONE PATH UID)'
complete -c memoryctl -n '__memoryctl_verb_is plan' -s o -l output -d 'show these columns' \
    -xa '(__memoryctl_columns RANGE SIZE BLOCK NODE ORIGIN STATE DECISION REASON DEVICE CLASS RULE GUARDS)'
