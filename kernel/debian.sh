# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-only
# Debian's packages of the kernel's sources and headers, for check-patches, build and build-module, which
# read this file and set $kernel_folder. They come from apt and from nowhere else, and are unpacked, not
# installed: installed, the headers bring a kernel along.

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

# A configuration of apt with package lists in the cache, or empty: those of this machine. See find_source().
apt_config=

run_apt()
{
        # Words of apt are read here.
        env LC_ALL=C.UTF-8 ${apt_config:+"APT_CONFIG=$apt_config"} "$@"
}

# The field $2 of the package $1, in the version that apt would install; nothing if there is no such package.
# apt-cache takes a name that it does not know for a regular expression, and shows other packages.
package_field()
{
        run_apt apt-cache show --no-all-versions "$1" 2>/dev/null | awk -v name="$1" -v field="$2: " '
                $1 == "Package:" { wanted = $2 == name }
                wanted && !found && index($0, field) == 1 { print substr($0, length(field) + 1); found = 1 }'
}

# The suite of Debian that has linux-source-$1. The backports are a part of it.
source_suite()
{
        case $1 in
        6.1 | 6.12) echo bookworm ;;
        *) echo trixie ;;
        esac
}

# Has apt use lists of the suite $1 in the cache, which are renewed after a day. The package sources and lists
# of this machine stay as they are.
use_suite()
{
        apt_folder=$cache/apt-$1
        mkdir -p "$apt_folder/lists/partial"
        PYTHONDONTWRITEBYTECODE=1 "$kernel_folder/../tests/vm/debian.py" "$1" >"$apt_folder/sources.list" ||
                die "no package sources for '$1'"
        cat >"$apt_folder/apt.conf" <<END
Dir::Etc::SourceList "$apt_folder/sources.list";
Dir::Etc::SourceParts "/dev/null";
Dir::State::Lists "$apt_folder/lists";
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
Acquire::Languages "none";
END
        apt_config=$apt_folder/apt.conf
        if [ -z "$(find "$apt_folder" -name renewed -mmin -1440)" ]; then
                if run_apt apt-get -q update >"$apt_folder/log" 2>&1; then
                        : >"$apt_folder/renewed"
                else
                        printf '%s: the lists of %s are not renewed, see %s\n' "${0##*/}" "$1" \
                                "$apt_folder/log" >&2
                fi
        fi
}

# Looks for linux-source-$1: in the lists of this machine, else in those of its suite. Sets $version to what
# apt would install, or to what was fetched last. Fails when there is none.
find_source()
{
        apt_config=
        version=$(package_field "linux-source-$1" Version)
        if [ -z "$version" ]; then
                use_suite "$(source_suite "$1")"
                version=$(package_field "linux-source-$1" Version)
        fi
        [ -n "$version" ] || version=$(cat "$cache/linux-source-$1.version" 2>/dev/null)
}

no_source()
{
        printf 'no package linux-source-%s: neither the package lists of this machine ("apt-get update") ' "$1"
        printf 'nor those of %s have it\n' "$(source_suite "$1")"
}

# Downloads the packages "$@" into the folder $unpacked, which must be new.
unpack_packages()
{
        rm -rf "$cache/fetch"
        mkdir -p "$cache/fetch" "$unpacked"
        (cd "$cache/fetch" && run_apt apt-get -q download "$@") >"$cache/fetch.log" 2>&1 || {
                # The lists can name a version that the mirror has no more.
                rm -f "$cache"/apt-*/renewed
                die "cannot download $*, see $cache/fetch.log"
        }
        for package in "$cache/fetch"/*.deb; do
                dpkg-deb --extract "$package" "$unpacked"
        done
        rm -rf "$cache/fetch"
}

# Fetches linux-source-$1 of version $2, after find_source(), and prints the path of its tar archive.
source_archive()
{
        archive=$cache/linux-source-$1_$2.tar.xz
        if [ ! -e "$archive" ]; then
                unpacked=$cache/source.new
                rm -rf "$unpacked"
                unpack_packages "linux-source-$1=$2"
                [ -e "$unpacked/usr/src/linux-source-$1.tar.xz" ] ||
                        die "the package linux-source-$1 $2 has no linux-source-$1.tar.xz"
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
                version=$(package_field "linux-headers-$1" Version)
                [ -n "$version" ] || die "no package linux-headers-$1: run 'apt-get update'"
                parts=$(package_field "linux-headers-$1" Depends | tr ', ' '\n\n' |
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
