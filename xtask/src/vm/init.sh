#!/usr/bin/busybox sh
# The first process of the test machine. Called a second time when the root is one that can be pivoted away from.
export PATH=/usr/sbin:/usr/bin:/applets GUISE_TEST_MUST_RUN=1 TMPDIR=/var/tmp

if [ "$1" != again ]; then
    /usr/bin/busybox --install -s /applets
    # pivot_root(2) refuses on the kernel's first root, which hangs below no other mount. A bind mount of it does.
    mount --bind / /again
    cd /again
    mount --move . /
    exec chroot . /init again
fi

mount -t devtmpfs dev /dev
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t proc proc /proc
# Elsewhere udev makes these.
ln -s /proc/self/fd /dev/fd
ln -s /proc/self/fd/0 /dev/stdin
mount -t sysfs sys /sys
mount -t cgroup2 cgroup2 /sys/fs/cgroup
for place in /run /tmp /dev/shm; do
    mount -t tmpfs tmpfs $place
done
for module in /modules/*.ko; do
    insmod $module || echo "vm-test: cannot load $module"
done
ip link set lo up
# Pools of volumes lie on a disk: what is written through a loop device to a tmpfs counts as memory of the container that wrote.
mount -t ext4 /dev/vda /var/tmp

echo "vm-test: up after $(cut -d' ' -f1 /proc/uptime) s"
sh /task.sh
echo "vm-test: down after $(cut -d' ' -f1 /proc/uptime) s"
poweroff -f
