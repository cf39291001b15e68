# Runs in a debug container: sh -c SCRIPT covfetch DIR PID ID. Writes a line, then where DIR of the target is to be found.
# PID = a process of the target; "" = look for one: by ID in the name of its control group, else by GOCOVERDIR=DIR.
# A link in the target means a place in the target: each part of the path is resolved under the target's root.
LC_ALL=C
export LC_ALL
unset CDPATH
dir=$1 pid=$2 id=$3 found='' closed=''
stop() { printf 'covfetch 1 %s\n' "$1"; exit 0; }
command -v readlink >/dev/null || stop no-readlink
look() {
  for process in /proc/[0-9]*; do
    "$@" || continue
    (cd "$process/root") 2>/dev/null || { closed=1; continue; }
    space=$(readlink "$process/ns/mnt")
    if [ -z "$pid" ]; then pid=${process#/proc/} found=$space; fi
    [ "$space" = "$found" ] || stop several
  done
}
grouped() {
  [ -n "$id" ] || return 1
  while read -r line; do
    case $line in *"$id"*) return 0 ;; esac
  done 2>/dev/null <"$process/cgroup"
  return 1
}
set_to() { tr '\000\n' '\n\001' 2>/dev/null <"$process/environ" | grep -Fqx -e "GOCOVERDIR=$dir"; }
[ -n "$pid" ] || look grouped
[ -n "$pid" ] || look set_to
[ -n "$pid$closed" ] || stop gone
[ -n "$pid" ] || stop denied
[ -e "/proc/$pid" ] || stop gone
root=/proc/$pid/root
(cd "$root") 2>/dev/null || stop denied
# Command substitution would eat line ends that a name has at its end.
target() { link=$(readlink "$1" && printf .) && link=${link%??}; }
rest=$dir
case $dir in
  /*) ;;
  *)
    target "/proc/$pid/cwd" || stop denied
    rest=$link/$dir ;;
esac
at='' links=0
while [ -n "$rest" ]; do
  part=${rest%%/*}
  case $rest in */*) rest=${rest#*/} ;; *) rest='' ;; esac
  case $part in
    '' | .) continue ;;
    ..) at=${at%/*}; continue ;;
  esac
  if [ -L "$root$at/$part" ]; then
    links=$((links + 1))
    [ "$links" -le 40 ] || stop loop
    target "$root$at/$part" || stop loop
    case $link in /*) at='' ;; esac
    rest=$link/$rest
  else
    at=$at/$part
  fi
done
printf 'covfetch 1\n%s' "$root$at"
