#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Runs inside a new container: `enter.sh HOST [DEVICE LINK]`, the public key on standard input. All that it puts in comes
# back by itself when the container is killed and started again. Prints the container's own host key.
set -eu
host=$1 device=${2:-} link=${3:-}
install -D -m 600 /dev/stdin /root/.ssh/authorized_keys
mkdir -p "/var/cache/mailroom-lab/$host" /var/cache/mailroom-lab/shared
printf 'Dir::Cache::archives "/var/cache/mailroom-lab/%s/";\n' "$host" > /etc/apt/apt.conf.d/91mailroom-lab-host

# A real host's systemd shares mounts between services; in a container it leaves them private. Then a service with a view
# of its own would keep a file system mounted after everybody else has unmounted it.
cat > /etc/systemd/system/lab-mounts.service <<'UNIT'
[Unit]
Description=Mounts are shared between services, as on a real host
DefaultDependencies=no
Before=local-fs-pre.target sysinit.target
Wants=local-fs-pre.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=mount --make-rshared /

[Install]
WantedBy=sysinit.target
UNIT

if [ -n "$device" ]; then
  # There is no udev in a container. systemd-tmpfiles-setup-dev.service reads this at each start.
  number=$(stat -c '%Hr:%Lr' "$device" 2>/dev/null) || number=7:${device#/dev/loop}
  printf 'b %s 0660 root disk - %s\nL+ %s - - - - %s\n' "$device" "$number" "$link" "$device" > /etc/tmpfiles.d/lab-shared.conf
  systemd-tmpfiles --create --prefix=/dev /etc/tmpfiles.d/lab-shared.conf
fi

# Nothing of these is in a container; without them a start takes less.
systemctl --quiet mask dev-hugepages.mount sys-kernel-debug.mount sys-kernel-tracing.mount sys-fs-fuse-connections.mount \
  modprobe@.service proc-sys-fs-binfmt_misc.automount systemd-binfmt.service
[ -e /etc/ssh/ssh_host_ed25519_key ] || ssh-keygen -A >/dev/null
systemctl daemon-reload
systemctl enable --quiet --now lab-mounts.service ssh.service
# From here on only Ansible changes files: tests look for newer ones.
[ -e /etc/lab-entered ] || touch /etc/lab-entered
cat /etc/ssh/ssh_host_ed25519_key.pub
