#!/bin/sh
# Take away what setup.sh and install.sh have made, but nothing in /etc, no data and no user.
# From the environment: PREFIX and DESTDIR, as they were at the installation.
set -eu
PREFIX=${PREFIX:-/usr/local}
DESTDIR=${DESTDIR:-}
lib=$DESTDIR/usr/local/lib
[ "$PREFIX" != /usr ] || lib=$DESTDIR/usr/lib
units="pulse.service piranha-gui.service piranha-received.path piranha-received.service"

[ "$(id -u)" = 0 ] || {
    echo "piranha: run this as root" >&2
    exit 1
}
if [ -z "$DESTDIR" ] && [ -d /run/systemd/system ]; then
    # shellcheck disable=SC2086 # a list of words
    systemctl disable --now $units || true
fi
for command in pulse lvsctl nanny send_arp piranha-gui piranha_gui piranha-passwd; do
    link=$DESTDIR$PREFIX/sbin/$command
    [ ! -L "$link" ] || rm -f "$link"
done
for unit in $units; do
    rm -f "$lib/systemd/system/$unit"
done
for folder in sysusers.d tmpfiles.d modules-load.d; do
    rm -f "$lib/$folder/piranha.conf"
done
rm -rf "$DESTDIR/opt/piranha"
[ -n "$DESTDIR" ] || [ ! -d /run/systemd/system ] || systemctl daemon-reload
cat <<END
piranha: uninstalled. Left as they are, for they are yours:
    $DESTDIR/etc/sysconfig/ha, $DESTDIR/etc/sysconfig/pulse, $DESTDIR/etc/sysconfig/piranha-gui
    $DESTDIR/etc/piranha (the heartbeat's key), $DESTDIR/etc/sysctl.d/90-piranha.conf
    $DESTDIR/var/lib/piranha (users, audit log, history), the users pulse and piranha
END
