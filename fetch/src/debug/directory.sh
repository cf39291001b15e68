# Behind process.sh. Writes a line, then where DIR of the target is to be found.
# A link in the target means a place in the target: each part of the path is resolved under the target's root.
root=/proc/$pid/root
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
