# Sets pid to the process that is named $1 as the kernel names it, which keeps 15 bytes; "" if there is none, and several
# numbers if there are several. Prefixed to the scripts that need it.
find_process() {
  pid=
  for f in /proc/[0-9]*; do
    { IFS= read -r comm <"$f/comm"; } 2>/dev/null || continue
    n=${f#/proc/}
    [ "$n" != $$ ] || continue
    if [ "$comm" != "$1" ]; then
      [ ${#comm} = 15 ] || continue
      case $1 in "$comm"*) ;; *) continue ;; esac
    fi
    pid="$pid${pid:+ }$n"
    case $pid in *' '*' '*' '*' '*) break ;; esac
  done
}
