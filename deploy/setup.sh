#!/bin/sh
# Make a service of an environment that holds piranha-lvs: units, users, folders, /etc, commands.
# install.sh calls it, and so does `piranha-setup` after a mere `pip install`. Run again it mends,
# and overwrites nothing of yours. From its environment:
#   BIN      where the commands lie             PREFIX   they are linked into PREFIX/sbin
#   DESTDIR  the root to install into; empty    FORWARD  yes: let this machine forward packets
set -eu
umask 022
here=$(cd "$(dirname "$0")" && pwd)
BIN=${BIN:-/opt/piranha/current/bin}
PREFIX=${PREFIX:-/usr/local}
DESTDIR=${DESTDIR:-}
FORWARD=${FORWARD:-}
# systemd looks into /usr/lib and /usr/local/lib, whatever PREFIX is.
lib=$DESTDIR/usr/local/lib
[ "$PREFIX" != /usr ] || lib=$DESTDIR/usr/lib
etc=$DESTDIR/etc
state=$DESTDIR/var/lib/piranha
commands="pulse lvsctl nanny send_arp piranha-gui piranha_gui piranha-passwd"

say() { echo "piranha: $*"; }

fail() {
    echo "piranha: $*" >&2
    exit 1
}

has() { command -v "$1" >/dev/null 2>&1; }

put() { # put SOURCE TARGET: a file that is ours, and new at each upgrade
    mkdir -p "$(dirname "$2")"
    sed "s|/opt/piranha/current/bin|$BIN|g" "$here/$1" >"$2.new"
    chmod 644 "$2.new"
    mv -f "$2.new" "$2"
}

offer() { # offer SOURCE TARGET: a file that is yours from now on
    if [ -e "$2" ] || [ -L "$2" ]; then
        say "$2 is there and stays as it is"
    else
        put "$1" "$2"
    fi
}

number_of() { # number_of passwd|group NAME: of the root that is installed into
    awk -F: -v name="$2" '$1 == name { print $3; exit }' "$etc/$1" 2>/dev/null
}

known() { # known passwd|group NAME; a user may also come from elsewhere, such as LDAP
    [ -n "$(number_of "$1" "$2")" ] || { [ -z "$DESTDIR" ] && getent "$1" "$2" >/dev/null; }
}

id_of() { # id_of passwd|group NAME
    if [ "$2" = root ]; then
        echo 0
    elif [ -n "$(number_of "$1" "$2")" ]; then
        number_of "$1" "$2"
    else
        getent "$1" "$2" | cut -d: -f3
    fi
}

put_program_files() {
    for file in systemd/pulse.service systemd/piranha-gui.service systemd/piranha-received.service \
        systemd/piranha-received.path; do
        put "$file" "$lib/systemd/system/${file#systemd/}"
    done
    for folder in sysusers.d tmpfiles.d modules-load.d; do
        put "$folder/piranha.conf" "$lib/$folder/piranha.conf"
    done
}

make_users() {
    mkdir -p "$etc"
    if has systemd-sysusers; then
        systemd-sysusers --root="${DESTDIR:-/}" - <"$here/sysusers.d/piranha.conf"
    else
        make_user pulse /var/lib/piranha/engine /usr/sbin/nologin
        make_user piranha /var/lib/piranha /bin/sh
        usermod -P "${DESTDIR:-/}" -a -G piranha pulse
    fi
    # sshd without PAM takes `!` for a closed account; `*` is one without a password.
    if grep -q '^piranha:!' "$etc/shadow" 2>/dev/null; then
        sed -i 's/^piranha:![^:]*:/piranha:*:/' "$etc/shadow"
    fi
}

make_user() { # make_user NAME HOME SHELL
    known group "$1" || groupadd -P "${DESTDIR:-/}" -r "$1"
    known passwd "$1" || useradd -P "${DESTDIR:-/}" -r -g "$1" -d "$2" -M -s "$3" "$1"
}

# tmpfiles.d is the list in both cases. What is there is systemd's to mend: it follows no link
# that user piranha might have laid, and a shell cannot promise that.
make_folders() {
    if has systemd-tmpfiles; then
        systemd-tmpfiles --root="${DESTDIR:-/}" --create - <"$here/tmpfiles.d/piranha.conf"
        return
    fi
    grep '^d ' "$here/tmpfiles.d/piranha.conf" | while read -r _ path mode user group _; do
        if [ -e "$DESTDIR$path" ] || [ -L "$DESTDIR$path" ]; then continue; fi
        mkdir -p "$(dirname "$DESTDIR$path")"
        mkdir "$DESTDIR$path"
        chown -h "$(id_of passwd "$user"):$(id_of group "$group")" "$DESTDIR$path"
        chmod g-s "$DESTDIR$path" # inherited; a number alone would leave it
        chmod "$mode" "$DESTDIR$path"
    done
}

offer_settings() {
    offer sysconfig/pulse "$etc/sysconfig/pulse"
    offer sysconfig/piranha-gui "$etc/sysconfig/piranha-gui"
    if [ ! -e "$etc/sysconfig/ha/lvs.cf" ]; then
        offer lvs.cf.example "$etc/sysconfig/ha/lvs.cf"
        chown "0:$(id_of group piranha)" "$etc/sysconfig/ha/lvs.cf"
        chmod 660 "$etc/sysconfig/ha/lvs.cf"
    else
        say "$etc/sysconfig/ha/lvs.cf is there and stays as it is"
    fi
}

forward_packets() {
    file=$etc/sysctl.d/90-piranha.conf
    if [ -e "$file" ]; then
        say "$file is there and stays as it is"
        return
    fi
    echo
    echo "A director forwards packets where it reaches its real servers by NAT. $file would hold:"
    sed 's/^/    /' "$here/sysctl.d/90-piranha.conf"
    if [ -z "$FORWARD" ] && [ -t 0 ] && [ -t 1 ]; then
        printf 'Make it? [y/N] '
        read -r answer || answer=
        case $answer in [yY] | [yY]es) FORWARD=yes ;; esac
    fi
    if [ "$FORWARD" = yes ]; then
        put sysctl.d/90-piranha.conf "$file"
        say "made $file"
        [ -n "$DESTDIR" ] || sysctl -q -p "$file"
    else
        say "it was not made. To say yes: FORWARD=yes, and the same command again"
    fi
}

link_commands() {
    mkdir -p "$DESTDIR$PREFIX/sbin"
    for command in $commands; do
        ln -sfn "$BIN/$command" "$DESTDIR$PREFIX/sbin/$command"
    done
}

# Up to version 0.1.0 engine and web shared the folder above.
move_old_state() {
    [ -e "$state/engine.json" ] || [ -e "$state/web.sqlite3" ] || return 0
    if has flock && [ -e "$state/engine.lock" ] && ! flock -n "$state/engine.lock" true; then
        fail "a pulse runs that keeps its state in $state: stop it, then run this again"
    fi
    move_to engine pulse engine.json history.json
    move_to web piranha secret-key web.sqlite3 web.sqlite3-wal web.sqlite3-shm tls
}

move_to() { # move_to FOLDER USER NAME...: where neither is a link, and the new one is not there
    folder=$state/$1 user=$2
    shift 2
    for name in "$@"; do
        if [ ! -e "$state/$name" ] || [ -L "$state/$name" ] || [ -e "$folder/$name" ]; then
            continue
        fi
        mv "$state/$name" "$folder/"
        chown -hR "$(id_of passwd "$user"):$(id_of group "$user")" "$folder/$name"
        say "moved $state/$name to $folder"
    done
}

tell_system() {
    [ -z "$DESTDIR" ] || return 0
    if has selinuxenabled && selinuxenabled; then
        chcon -R -t ssh_home_t "$state/.ssh" || say "sshd may not be able to read $state/.ssh"
    fi
    modprobe -q ip_vs || say "this kernel has no module ip_vs: pulse can forward only for trial"
    [ ! -d /run/systemd/system ] || systemctl daemon-reload
}

[ "$(id -u)" = 0 ] || fail "this makes users and folders: run it as root"
[ -e "$DESTDIR$BIN/pulse" ] || fail "$DESTDIR$BIN/pulse is not there: install piranha-lvs by pip first"
case $BIN in *[!A-Za-z0-9/._+-]*) fail "BIN may hold letters, digits and / . _ + - only: $BIN" ;; esac
put_program_files
make_users
make_folders
offer_settings
link_commands
move_old_state
tell_system
forward_packets
