# Runs in the container: sh -c SCRIPT covfetch PID. Writes a line, then the process's GOCOVERDIR, then a line that says that
# this was the end: streams are cut off without a word. PID may be a process's name.
# Where the process's environment may not be read, the container's own is the next best: both are made from the same.
LC_ALL=C
export LC_ALL
case $1 in *[!0-9]*) find_process "$1" ;; *) pid=$1 ;; esac
case $pid in *' '*) echo covfetch 1 several; exit 0 ;; esac
[ -n "$pid" ] && [ -e "/proc/$pid" ] || { echo covfetch 1 gone; exit 0; }
file=/proc/$pid/environ
if command -v tr >/dev/null && command -v sed >/dev/null && (: <"$file") 2>/dev/null; then
  value=$(tr '\000\n' '\n\001' <"$file" | sed -n '/^GOCOVERDIR=/{s/^GOCOVERDIR=//;p;q;}')
else
  value=$GOCOVERDIR
fi
case $value in
  '' | /*) ;;
  *) [ -e "/proc/$pid/cwd/." ] && value=/proc/$pid/cwd/$value ;;
esac
printf 'covfetch 1\n%s\nend\n' "$value"
