#!/bin/sh
# make install         piranha-lvs from this checkout, as root: see setup.sh for what it makes
# make install-wheels  only gather in WHEELS what an installation without internet needs
# From the environment:
#   PREFIX   commands are linked into PREFIX/sbin; /usr/local
#   DESTDIR  the root to install into; empty: this machine
#   PYTHON   3.11 or newer, and every user may run it; looked for
#   WHEELS   take all that is needed from this folder, nothing from the internet
#   FORWARD  yes: let this machine forward packets, as NAT needs it
#
# Each installation has a folder of its own in /opt/piranha, and the link `current` leads to the
# newest. So an upgrade never changes a file of what runs.
set -eu
umask 022
source=$(cd "$(dirname "$0")/.." && pwd)
DESTDIR=${DESTDIR:-}
WHEELS=${WHEELS:-}
home=/opt/piranha
scratch=
fresh=

fail() {
    echo "piranha: $*" >&2
    exit 1
}

clean_up() {
    rm -rf "$scratch" "$fresh"
}

others_can_run() { # as user nobody: the engine and the web do not run as root
    setpriv --reuid 65534 --regid 65534 --clear-groups -- "$1" -c \
        'import ensurepip, sqlite3, ssl, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

find_python() {
    candidates="python3 /usr/bin/python3 python3.14 python3.13 python3.12 python3.11"
    for python in ${PYTHON:-$candidates}; do
        ! command -v "$python" >/dev/null || ! others_can_run "$python" || return 0
    done
    fail "no Python 3.11 or newer that every user may run, with venv and sqlite3, among:" \
        "${PYTHON:-$candidates}. Install one (Debian: apt-get install python3-venv; RPM:" \
        "dnf install python3.12), or name it by PYTHON=/path/to/python3."
}

# In the scratch folder, so that nothing is built in the checkout and pip is not what is installed.
make_tools() {
    scratch=$(mktemp -d)
    mkdir "$scratch/source"
    "$python" -m venv "$scratch/tools" || fail "$python -m venv failed"
    (cd "$source" && tar cf - pyproject.toml README.md LICENSE lvsengine piranha templates static deploy) |
        tar xf - -C "$scratch/source" --exclude=__pycache__ --exclude='*.egg-info'
}

pip() {
    "$scratch/tools/bin/python" -m pip --disable-pip-version-check -q "$@"
}

gather() { # gather FOLDER: our wheel, and those of all that it needs
    if [ -n "$WHEELS" ]; then
        [ -d "$WHEELS" ] || fail "there is no folder WHEELS=$WHEELS; make install-wheels makes one"
        PIP_NO_INDEX=1 PIP_FIND_LINKS=$(cd "$WHEELS" && pwd)
        export PIP_NO_INDEX PIP_FIND_LINKS
    fi
    pip wheel -c "$source/deploy/constraints.txt" -w "$1" "$scratch/source" ||
        fail "pip could not gather what is needed; its words stand above"
}

make_environment() {
    set -- "$scratch"/wheels/piranha_lvs-*.whl
    version=${1##*/piranha_lvs-}
    release=$home/${version%%-*}-$(date -u +%Y%m%dT%H%M%S)
    fresh=$DESTDIR$release
    mkdir -p "$DESTDIR$home"
    "$python" -m venv --without-pip "$fresh"
    pip --python "$fresh/bin/python" install --no-index --no-compile \
        --find-links "$scratch/wheels" piranha-lvs
    # Where it will lie, not where it lies now.
    for file in "$fresh"/pyvenv.cfg "$fresh"/bin/*; do
        [ -L "$file" ] || sed -i "s|$fresh|$release|g" "$file"
    done
    "$fresh/bin/python" -m compileall -q -s "$DESTDIR" "$fresh/lib"
}

switch() { # one rename: there is no moment without commands
    previous=$(readlink "$DESTDIR$home/current" || true) # relative, so that DESTDIR does not matter
    ln -sfn "${release##*/}" "$DESTDIR$home/.current.new"
    mv -T "$DESTDIR$home/.current.new" "$DESTDIR$home/current"
    fresh=
}

runs() { # the brackets: grep must not find itself
    grep -qs "^$1/b[i]n/" /proc/[0-9]*/cmdline
}

# What runs loads parts of itself later; and the one before may be wanted back.
remove_old() {
    for old in "$DESTDIR$home"/*-*T*; do
        name=${old##*/}
        if [ "$home/$name" != "$release" ] && [ "$name" != "$previous" ] && ! runs "$home/$name"; then
            rm -rf "$old"
        fi
    done
}

say_what_next() {
    [ -z "$DESTDIR" ] || return 0
    echo
    if [ -n "$previous" ]; then
        cat <<END
piranha: $release is installed; what runs is still the version before. To change over:
    systemctl kill -s USR1 pulse      it ends and leaves the kernel forwarding; systemd starts the
                                      new one, which adopts what it finds. A pair hands over first.
    systemctl try-restart piranha-gui
To go back: ln -sfn $previous $home/current
END
    else
        cat <<END
piranha: $release is installed. Next:
    piranha-passwd                    the web's first password
    lvsctl check                      after editing /etc/sysconfig/ha/lvs.cf
    systemctl enable --now pulse piranha-gui piranha-received.path
END
    fi
}

install_all() {
    [ "$(id -u)" = 0 ] || fail "this installs into $DESTDIR$home and /etc: run it as root"
    case $DESTDIR in *[!A-Za-z0-9/._+-]*) fail "DESTDIR may hold letters, digits and / . _ + - only" ;; esac
    gather "$scratch/wheels"
    make_environment
    switch
    BIN=$home/current/bin sh "$DESTDIR$release/share/piranha/deploy/setup.sh"
    remove_old
    say_what_next
}

gather_for_later() { # and what builds our wheel, which is built where it is installed
    folder=$1 WHEELS=
    gather "$folder"
    rm -f "$folder"/piranha_lvs-*
    pip wheel -w "$folder" "setuptools>=77"
    echo "piranha: $folder is complete: make install WHEELS=$folder"
}

trap clean_up EXIT
trap 'exit 1' HUP INT TERM
find_python
make_tools
case ${1:-install} in
    install) install_all ;;
    wheels) gather_for_later "${WHEELS:-$source/.build/wheels}" ;;
    *) fail "install.sh [install|wheels], not $1" ;;
esac
