#!/bin/sh
# Make everything that `make demo`, `make test` and `make bench` need: prepare.sh demo|test|bench.
# Writes nothing outside the checkout but Debian packages, and does nothing when all is there.
# The demo needs Python's packages alone: neither root, nor a browser, nor another Debian package.
set -eu
cd "$(dirname "$0")/.."
what=$1
python=${PYTHON:-python3}

packages_kernel="user-mode-linux kmod iproute2 ipvsadm iptables iputils-ping nftables openssh-server procps"
packages_deploy="python3-venv shellcheck systemd" # as a machine that it is installed on
packages_browser="chromium fonts-wqy-microhei w3m" # the font has the Chinese characters
packages_bench="$packages_kernel keepalived"
axe_version=4.14.1 # what judges the pages' accessibility; npm alone has it

fail() {
    echo "prepare: $*" >&2
    exit 1
}

# One by one: dpkg-query's status tells installed from merely known.
missing_packages() {
    for package in "$@"; do
        state=$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null || true)
        [ "$state" = "install ok installed" ] || printf '%s ' "$package"
    done
}

need_packages() { # need_packages COST PACKAGE...
    cost=$1
    shift
    command -v dpkg-query >/dev/null || fail "this is no Debian system: install what these Debian packages hold: $*. Without them $cost."
    missing=$(missing_packages "$@")
    [ -n "$missing" ] || return 0
    [ "$(id -u)" = 0 ] || fail "not root, and these packages are missing: $missing. Run: sudo apt-get install $missing. Without them $cost."
    echo "prepare: installing $missing"
    # shellcheck disable=SC2086 # a list of words
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing; } \
        >/dev/null </dev/null || fail "apt-get could not install: $missing. Without them $cost."
}

make_environment() { # make_environment EXTRA
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
        fail "$python is missing or older than 3.11. Name another one by PYTHON=/path/to/python3."
    rm -rf .venv
    echo "prepare: making .venv"
    "$python" -c 'import ensurepip, venv' 2>/dev/null || need_packages "no virtual environment can be made" python3-venv
    "$python" -m venv .venv || fail "$python -m venv .venv failed"
    .venv/bin/pip install -qq --no-cache-dir --disable-pip-version-check \
        -c deploy/constraints.txt -e ".[$1]" || fail "pip could not install the dependencies"
}

install_axe() {
    ! grep -q "\"version\": \"$axe_version\"" .build/axe/node_modules/axe-core/package.json 2>/dev/null || return 0
    lacking="the pages' accessibility cannot be judged, and make test fails"
    command -v npm >/dev/null || need_packages "$lacking" npm
    echo "prepare: installing axe-core $axe_version"
    npm install --prefix .build/axe --no-audit --no-fund --no-update-notifier --ignore-scripts --silent \
        "axe-core@$axe_version" >/dev/null </dev/null || fail "npm could not install axe-core $axe_version: $lacking"
}

extra=dev
[ "$what" != demo ] || extra=demo
stamp=.venv/ready-$(cat pyproject.toml deploy/constraints.txt | cksum | tr ' ' -)
if [ ! -e "$stamp-dev" ] && [ ! -e "$stamp-$extra" ]; then
    make_environment "$extra"
    touch "$stamp-$extra"
fi
case $what in
    test)
        # shellcheck disable=SC2086 # lists of words
        need_packages "the tests of the kernel, of the web and of the installation cannot run, and make test fails" \
            $packages_kernel $packages_browser $packages_deploy
        install_axe
        ;;
    bench)
        # shellcheck disable=SC2086 # a list of words
        need_packages "there is nothing to compare with" $packages_bench
        ;;
esac
