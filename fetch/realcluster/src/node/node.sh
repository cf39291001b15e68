# First process of the node's namespaces: sh node.sh DIRECTORY. When its input ends it ends, and with it all the others.
set -eu
dir=$1
# What containerd and runc keep lies in memory and goes with the namespace.
mount -t tmpfs -o mode=0711 tmpfs "$dir/private"
mount -t tmpfs -o mode=0755 tmpfs /run
containerd --config "$dir/config.toml" >"$dir/containerd.log" 2>&1 </dev/null &
read -r _ || :
