# Starts the node and cleans up after it, however it ended: sh janitor.sh DIRECTORY NAME. Not in its namespaces.
trap '' INT TERM HUP
dir=$1 name=$2
# The first process of a PID namespace takes the others with it, and is gone only when they are.
unshare --mount --pid --fork --kill-child --mount-proc sh "$dir/node.sh" "$dir"
find /sys/fs/cgroup -depth -type d -path "*/$name*" -exec rmdir -- {} + 2>/dev/null
case $dir in */realcluster-*) rm -rf -- "$dir" ;; esac
