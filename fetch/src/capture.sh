# Runs in the container: sh -c SCRIPT covfetch DIR HOW PID SECONDS BEFORE LARGE MARK ZIP. Values come as arguments only.
# HOW = "" no flush, a signal to send, "look" or "any" = say what is there and stop: somebody else flushes then ("any" =
# whatever the counter mode). PID = a number, a name, or "*" for any. BEFORE = counter files of PID before the flush;
# given = it was asked for, only wait.
# Writes lines of text, then for each 500 files a tar archive; without tar: what wc -c says of them, a line "data", what
# cat makes of them, and a line "end" behind the last. POSIX sh; dash, bash and busybox.
# MARK = time up to which a counter file is not sent, but its SHA-256 told, and so are all meta files'; "" = send all.
# LARGE = bytes from which on a meta file is not sent, but its SHA-256 told; "" = send all.
# ZIP = "" or that what follows the lines goes through gzip, all of it as one stream, if there is one.
LC_ALL=C IFS=' 	
'
export LC_ALL
# GNU tar and gzip take options from the environment, and a shell may not expand names.
unset CDPATH TAR_OPTIONS GZIP
set +f
dir=$1 how=$2 pid=$3 seconds=$4 before=$5 large=$6 mark=$7 zip=$8
say() { printf '%s\n' "$*"; }
# shellcheck disable=SC2086
count() { set -- ./covcounters.*.$pid.*; if [ -e "$1" ]; then n=$#; else n=0; fi; }
# Whether $f is a plain file named as Go names them: 32 hex digits, then process id and time.
fit() {
  case $f in
    ./covmeta.*) hash=${f#./covmeta.} ;;
    ./covcounters.*.*.*)
      hash=${f#./covcounters.} tail=${f#./covcounters.*.}
      case $tail in *[!0-9.]* | *.*.* | .* | *.) return 1 ;; esac
      hash=${hash%%.*} ;;
    *) return 1 ;;
  esac
  case $hash in *[!0-9a-f]*) return 1 ;; esac
  [ ${#hash} = 32 ] && [ -f "$f" ] && [ ! -L "$f" ]
}
# Whether $f is kept back; $sum is its SHA-256 then.
keep() {
  case $large$f in [0-9]*./covmeta.*) ;; *) return 1 ;; esac
  size=$(wc -c <"$f") && [ "$((size))" -ge "$large" ] && sum=$(sha256sum "$f") || return 1
  sum=${sum%% *}
  [ ${#sum} = 64 ]
} 2>/dev/null
# Whether $f may be known to who asks.
old() {
  [ -n "$mark" ] || return 1
  case $f in ./covmeta.*) ;; *) [ "${f##*.}" -le "$mark" ] 2>/dev/null ;; esac
}
sums() { sha256sum "$@" | while read -r sum name; do say kept "$sum" "${name##*/}"; done; }
command -v sha256sum >/dev/null || mark=
say covfetch 1
[ -z "$zip" ] || command -v gzip >/dev/null || { say no-gzip; zip=; }
form=archive
send() { tar -cf - "$@"; }
if ! command -v tar >/dev/null; then
  form=plain
  send() { wc -c "$@" && say data && cat "$@"; }
  command -v wc >/dev/null && command -v cat >/dev/null || { say stop no-tar; exit 0; }
fi
cd -- "$dir" || { say stop no-dir; exit 0; }
[ -r . ] || { say stop unreadable; exit 0; }
if [ -n "$how" ]; then
  case $pid in
    [*]) ;;
    *[!0-9]*)
      find_process "$pid"
      case $pid in
        '') say stop no-process; exit 0 ;;
        *' '*) say processes "$pid"; say stop several; exit 0 ;;
      esac ;;
  esac
  say process "$pid"
  # The counter mode is byte 48 of a meta file; set is 1, count is 2.
  one=$(printf '\001') two=$(printf '\002') state=no-meta
  for f in ./covmeta.*; do
    fit || continue
    case $(dd if="$f" bs=1 skip=48 count=1 2>/dev/null) in
      "$one" | "$two") case $how in TERM | any) state=ready; break ;; *) state=not-atomic ;; esac ;;
      *) state=ready; break ;;
    esac
  done
  if [ "$state" = ready ]; then
    if [ -z "$before" ]; then
      count; before=$n
      # shellcheck disable=SC2086
      for f in ./covcounters.*.$pid.*; do fit && say before "${f#./}"; done
      say signal "$before"
      case $how in look | any) say end; exit 0 ;; esac
      kill -s "$how" "$pid" || state=kill-failed
    fi
  fi
  if [ "$state" = ready ]; then
    say waiting
    start=$(date +%s 2>/dev/null) ticks=0
    while :; do
      count
      [ "$n" -gt "$before" ] && { state="done"; break; }
      [ "$pid" = '*' ] || kill -0 "$pid" 2>/dev/null || { state=gone; count; [ "$n" -gt "$before" ] && state="done"; break; }
      now=$(date +%s 2>/dev/null)
      [ -n "$start" ] && [ -n "$now" ] && [ $((now - start)) -gt "$seconds" ] && { state=timeout; break; }
      [ "$ticks" -ge $((seconds * 50)) ] && { state=timeout; break; }
      if sleep 0.02 2>/dev/null; then ticks=$((ticks + 1))
      elif sleep 1; then ticks=$((ticks + 50))
      else state=no-sleep; break; fi
    done
  fi
  say flush "$state"
fi
found=0 odd=0 olds=0 kept=' ' batch='' held=0
for f in ./covmeta.* ./covcounters.*; do
  if fit; then
    if old; then
      olds=$((olds + 1)) batch="$batch $f" held=$((held + 1))
      # shellcheck disable=SC2086
      [ "$held" -lt 500 ] || { sums $batch; batch='' held=0; }
    elif keep; then say kept "$sum" "${f#./}"; kept="$kept$f "
    else say file "${f#./}"; found=1; fi
  elif [ -e "$f" ] || [ -L "$f" ]; then odd=$((odd + 1)); fi
done
# shellcheck disable=SC2086
[ "$held" = 0 ] || sums $batch
[ "$olds" = 0 ] || say old "$olds"
for f in ./tmp.cov*; do
  [ -e "$f" ] || continue
  case $f in *[!a-z0-9./]*) odd=$((odd + 1)) ;; *) say ignored "${f#./}" ;; esac
done
say odd "$odd"
[ "$found" = 1 ] || { say end; exit 0; }
say "$form${zip:+ gzip}"
# The names hold nothing that a shell splits or expands.
# shellcheck disable=SC2086
batches() {
  batch='' held=0
  for f in ./covmeta.* ./covcounters.*; do
    fit || continue
    if old; then continue; fi
    case $kept in *" $f "*) continue ;; esac
    batch="$batch $f" held=$((held + 1))
    [ "$held" -lt 500 ] || { send $batch || return; batch='' held=0; }
  done
  [ "$held" = 0 ] || send $batch || return
  [ "$form" = archive ] || say end
}
${zip:+zipped} batches
