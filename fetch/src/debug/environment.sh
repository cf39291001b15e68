# Behind process.sh. Writes a line, then the process's GOCOVERDIR up to the end; a relative one by way of the process's working
# directory. The debug container's own environment is its image's, and says nothing.
command -v tr >/dev/null || stop no-tr
(: <"/proc/$pid/environ") 2>/dev/null || stop denied
value=$(tr '\000\n' '\n\001' <"/proc/$pid/environ" | while IFS= read -r line; do
  case $line in GOCOVERDIR=*) printf %s "${line#GOCOVERDIR=}"; break ;; esac
done)
case $value in
  '' | /*) ;;
  *) value=/proc/$pid/cwd/$value ;;
esac
printf 'covfetch 1\n%s' "$value"
