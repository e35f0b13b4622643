#!/bin/sh
# The first program in the kernel that tests/media boots: makes the system ready, then starts the test program again, which
# finds in its environment what it is to do. Then the power goes off, without a sync.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
mount -t proc none /proc
mount -t sysfs none /sys
[ -e /dev/null ] || mount -t devtmpfs none /dev
mkdir -p /dev/mapper
mount -t tmpfs none /run
mkdir /run/media
mount -t hostfs none /run/media -o "$MEDIA_WORK"
for module in fs/nls/nls_cp437 fs/nls/nls_iso8859-1 fs/nls/nls_ascii fs/fat/fat fs/fat/vfat \
  drivers/md/dm-mod drivers/md/dm-flakey; do
  insmod "/usr/lib/uml/modules/$(uname -r)/kernel/$module.ko" 2>/dev/null
done
"$MEDIA_PROGRAM"
echo o >/proc/sysrq-trigger
sleep 60
