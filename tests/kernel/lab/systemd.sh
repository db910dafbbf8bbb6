#!/bin/sh
# Make a folder the root of namespaces of its own, and systemd its init (see systemd.py):
# systemd.sh ROOT FOLDER... where the FOLDERs, such as usr/bin, are the guest's own.
set -eu
root=$1
shift
mount --make-rprivate /
mount --bind "$root" "$root"
cd "$root"
for folder in "$@"; do
    mount --rbind "/$folder" "$folder"
done
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs tmpfs run
pivot_root . mnt
umount -l mnt
# `container`: it leaves the guest's own devices alone. Its journal says what it does.
exec env -i container=lab PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    /lib/systemd/systemd --system --unit=multi-user.target --log-target=journal --show-status=no \
    </dev/null >/dev/null 2>&1
