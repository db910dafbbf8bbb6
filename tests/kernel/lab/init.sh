#!/bin/sh
# The guest's init (see boot.py). On the kernel's command line are LABOUT, the one folder whose
# files reach the host, and LABCTL, a folder in it: `job` and `limit` go in, `status` comes out.
PATH=/usr/sbin:/usr/bin:/sbin:/bin
export PATH

power_off() {
    # Debian's poweroff is in a package of its own; the kernel does it too.
    echo o > /proc/sysrq-trigger
    sleep 5
    poweroff -f
}

mount -t proc proc /proc
release=$(uname -r)
modules=/usr/lib/uml/modules/$release
insmod "$modules/kernel/fs/overlayfs/overlay.ko"

# The host's root is the read-only bottom; what is written lands in the tmpfs.
mount -t tmpfs -o size=75% tmpfs /mnt
mkdir /mnt/upper /mnt/work /mnt/root
mount -t overlay -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work overlay /mnt/root
mkdir -p /mnt/root/.below
cd /mnt/root || power_off
pivot_root . .below

mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /dev/shm
mount -t tmpfs tmpfs /run
mkdir -p /lib/modules /run/netns
ln -sfn "$modules" "/lib/modules/$release"
mount -t hostfs none "$LABOUT" -o "$LABOUT"
# As modules-load.d has them: iptables-legacy loads its own only as root.
modprobe -a ipv6 ip_vs ip_tables ip6_tables
ip link set lo up
echo guest > /proc/sys/kernel/hostname

read -r limit < "$LABCTL/limit"
(
    sleep "$limit"
    echo 124 > "$LABCTL/status"
    power_off
) > /dev/null 2>&1 &

stty -F /dev/tty1 -opost -echo 2> /dev/null
sh "$LABCTL/job" < /dev/null > /dev/tty1 2>&1
echo $? > "$LABCTL/status"
sync -f "$LABCTL/status"
power_off
