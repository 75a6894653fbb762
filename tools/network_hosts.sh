#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs a command by mpirun on N hosts: network namespaces of this machine, joined by a bridge, each with an address and
# a host name of its own. They share processors and files, and nothing else that Open MPI would use. Needs root.
#
#   tools/network_hosts.sh N COMMAND...                      # N hosts, one rank each
#   RATE=1gbit tools/network_hosts.sh N COMMAND...           # each link held to that rate, where the kernel has tc's tbf
set -eu
[ $# -ge 2 ] || { sed -n '3,8p' "$0" >&2; exit 2; }
n=$1; shift
tag=rw$$
net=10.$((RANDOM % 200 + 20)).$((RANDOM % 250))
agent=$(mktemp -d)
clean() {
  set +e
  for ((i = 1; i <= n; ++i)); do ip netns del $tag-$i; done
  ip link del $tag
  rm -rf "$agent"
} 2>/dev/null
trap clean EXIT
ip link add $tag type bridge
ip link set $tag up
hosts=
for ((i = 1; i <= n; ++i)); do
  ip netns add $tag-$i
  ip link add v$tag-$i type veth peer name eth0 netns $tag-$i
  ip link set v$tag-$i master $tag up
  ip -n $tag-$i addr add $net.$i/24 dev eth0
  ip -n $tag-$i link set eth0 up
  ip -n $tag-$i link set lo up
  if [ -n "${RATE:-}" ]; then
    for link in "v$tag-$i" "-n $tag-$i eth0"; do
      case $link in
        -n*) tc -n $tag-$i qdisc add dev eth0 root tbf rate "$RATE" burst 256k latency 50ms ;;
        *) tc qdisc add dev "$link" root tbf rate "$RATE" burst 256k latency 50ms ;;
      esac
    done
  fi
  hosts+=${hosts:+,}$net.$i
done
# What ssh would do: a shell on the host of that address, under a name of its own.
cat > "$agent/agent" <<AGENT
#!/bin/bash
while [ "\${1#-}" != "\$1" ]; do shift; done
i=\${1##*.}; shift
exec unshare -u ip netns exec $tag-\$i bash -c "hostname rw-host-\$i; \$*"
AGENT
chmod +x "$agent/agent"
unshare -u ip netns exec $tag-1 bash -c 'hostname rw-host-1; exec "$@"' _ \
  mpirun --allow-run-as-root --host "$hosts" --mca plm_rsh_agent "$agent/agent" --mca btl tcp,self \
  --mca btl_tcp_if_include eth0 --mca oob_tcp_if_include eth0 --bind-to none -n "$n" "$@"
