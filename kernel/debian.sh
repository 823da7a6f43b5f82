# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-only
# Debian's packages of the kernel's sources and headers, for check-patches, build and build-module, which
# read this file. They come from apt and from nowhere else, and are unpacked, not installed: installed,
# the headers bring a kernel along.

cache=${MEMORYD_KERNEL_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/memoryd-kernel}

die()
{
        printf '%s: %s\n' "${0##*/}" "$*" >&2
        exit 1
}

# Whoever comes second waits: both would unpack to the same place.
lock_cache()
{
        mkdir -p "$cache"
        exec 9>"$cache/lock"
        flock 9
}

# The version of linux-source-$1 that apt would install, or the version fetched last.
source_version()
{
        version=$(apt-cache show --no-all-versions "linux-source-$1" 2>/dev/null | sed -n 's/^Version: //p')
        [ -n "$version" ] || version=$(cat "$cache/linux-source-$1.version" 2>/dev/null) ||
                die "no package linux-source-$1: run 'apt-get update'"
        printf '%s\n' "$version"
}

# Downloads the packages "$@" into the folder $unpacked, which must be new.
unpack_packages()
{
        rm -rf "$cache/fetch"
        mkdir -p "$cache/fetch" "$unpacked"
        (cd "$cache/fetch" && apt-get -q download "$@") >"$cache/fetch.log" 2>&1 ||
                die "cannot download $*, see $cache/fetch.log"
        for package in "$cache/fetch"/*.deb; do
                dpkg-deb --extract "$package" "$unpacked"
        done
        rm -rf "$cache/fetch"
}

# Fetches linux-source-$1 of version $2 and prints the path of its tar archive.
source_archive()
{
        archive=$cache/linux-source-$1_$2.tar.xz
        if [ ! -e "$archive" ]; then
                unpacked=$cache/source.new
                rm -rf "$unpacked"
                unpack_packages "linux-source-$1=$2"
                rm -f "$cache/linux-source-$1"_*.tar.xz
                mv "$unpacked/usr/src/linux-source-$1.tar.xz" "$archive"
                printf '%s\n' "$2" >"$cache/linux-source-$1.version"
                rm -rf "$unpacked"
        fi
        printf '%s\n' "$archive"
}

# The files that the patches of the series $1 touch.
touched_files()
{
        sed -n 's,^--- a/,,p' "$kernel_folder/patches/$1"/*.patch | sort -u
}

# Puts the touched files of the series $1 as Debian has them, of version $2, and checkpatch into the
# folder $3. They are kept: to find them in the archive takes most of the time.
touched_sources()
{
        archive=$(source_archive "$1" "$2")
        { touched_files "$1"
          for name in checkpatch.pl spelling.txt const_structs.checkpatch; do
                  printf 'scripts/%s\n' "$name"
          done; } | sed "s,^,linux-source-$1/," >"$cache/files.new"
        kept=$cache/files-$1-$2
        if ! cmp -s "$cache/files.new" "$kept/list"; then
                rm -rf "$kept"
                mkdir -p "$kept/files"
                tar -xJf "$archive" -C "$kept/files" --strip-components=1 -T "$cache/files.new" ||
                        die "linux-source-$1 $2 has not all of the files that the patches touch"
                mv "$cache/files.new" "$kept/list"
        fi
        mkdir -p "$3"
        cp -R "$kept/files/." "$3"
}

# The headers of the kernel with the release $1, as a folder to build modules with.
headers_folder()
{
        folder=$cache/headers-$1
        if [ ! -e "$folder" ]; then
                fields=$(apt-cache show --no-all-versions "linux-headers-$1" 2>/dev/null)
                [ -n "$fields" ] || die "no package linux-headers-$1: run 'apt-get update'"
                version=$(printf '%s\n' "$fields" | sed -n 's/^Version: //p')
                parts=$(printf '%s\n' "$fields" | sed -n 's/^Depends: //p' | tr ', ' '\n\n' |
                        grep -xE 'linux-(headers-.*-common|kbuild-.*)' | sort -u)
                # The build tools may be newer than the headers: while a security update is on its way
                # to the mirrors, they are.
                packages="linux-headers-$1=$version"
                for part in $parts; do
                        case $part in
                        linux-kbuild-*) packages="$packages $part" ;;
                        *) packages="$packages $part=$version" ;;
                        esac
                done
                unpacked=$folder.new
                rm -rf "$unpacked"
                # shellcheck disable=SC2086 # a list
                unpack_packages $packages
                headers=$unpacked/usr/src/linux-headers-$1
                sed -i "s,/usr/src/,$folder/usr/src/," "$headers/Makefile"
                # Only type information for BPF is made with it, by a tool that need not be there.
                rm -f "$headers/vmlinux"
                mv "$unpacked" "$folder"
        fi
        printf '%s\n' "$folder/usr/src/linux-headers-$1"
}

# A repository in the folder $1 with what is in it.
start_repository()
{
        git -C "$1" init -q
        git -C "$1" config user.name memoryd
        git -C "$1" config user.email memoryd@localhost
        git -C "$1" config commit.gpgSign false
        git -C "$1" add -Af
        git -C "$1" commit -q -m "$2"
}
