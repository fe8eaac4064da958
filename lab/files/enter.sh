#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Runs once inside a new container: `enter.sh HOST ADDRESS/PREFIX...`, the public key on standard input.
# Prints the container's own host key.
set -eu
host=$1
shift
install -D -m 600 /dev/stdin /root/.ssh/authorized_keys
mkdir -p "/var/cache/mailroom-lab/$host" /var/cache/mailroom-lab/shared
printf 'Dir::Cache::archives "/var/cache/mailroom-lab/%s/";\n' "$host" > /etc/apt/apt.conf.d/91mailroom-lab-host
# Service addresses go to the interface of their network, found each time: names differ from start to start.
printf '%s\n' "$@" > /etc/lab-addresses
cat > /usr/local/sbin/lab-addresses <<'SCRIPT'
#!/bin/sh
set -eu
while read -r address; do
  [ -n "$address" ] || continue
  case $address in *:*) family=-6 flags=nodad ;; *) family=-4 flags= ;; esac
  interface=$(ip $family -oneline route show match "${address%/*}" |
    awk '$1 != "default" { for (i = 1; i < NF; i++) if ($i == "dev") { print $(i + 1); exit } }')
  ip address replace "$address" dev "$interface" $flags
done < /etc/lab-addresses
SCRIPT
chmod 755 /usr/local/sbin/lab-addresses
cat > /etc/systemd/system/lab-addresses.service <<'UNIT'
[Unit]
Description=Service addresses of the lab

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/local/sbin/lab-addresses

[Install]
WantedBy=multi-user.target
UNIT
ssh-keygen -A >/dev/null
systemctl daemon-reload
systemctl enable --quiet --now lab-addresses.service ssh.service
# From here on only Ansible changes files: tests look for newer ones.
touch /etc/lab-entered
cat /etc/ssh/ssh_host_ed25519_key.pub
