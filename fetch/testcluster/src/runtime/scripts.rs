//! The shell scripts that stand for containers' first processes. POSIX sh only, so that they run on any unix.

/// Sleeps until it is killed, deaf to the signals that a test might send. Arguments: the file that says it is ready.
pub(super) const IDLE: &str = r#"
trap '' USR1 TERM
: > "$1"
exec sleep 1000000000
"#;

/// Says that it is ready and becomes the program given. Arguments: the ready file, the program, its arguments.
pub(super) const PROGRAM: &str = r#"
: > "$1"
shift
exec "$@"
"#;

/// Plays back recorded coverage files. Arguments: the ready file; `GOCOVERDIR`; what SIGUSR1 does (`flush`, `ignore`,
/// `die`); what SIGTERM does (`flush` and end, `end`); seconds from the signal to the temporary file; seconds that it stays half-written; the recorded meta file
/// or nothing; the counter files.
///
/// The names are those of Go's src/internal/coverage/cfile/emit.go (`openMetaFile`, `openCounterFile`): for a meta
/// file `tmp.covmeta.HASH` with the nanoseconds appended without a dot, for a counter file `tmp.` before the final
/// name. The handler only counts: a signal that arrives during a flush leads to one more flush.
pub(super) const REPLAY: &str = r#"
ready=$1 dir=$2 on_signal=$3 on_end=$4 delay=$5 write_time=$6 meta=$7
shift 7
pending=0 played=0 stamps=0
case $on_signal in
  flush) trap 'pending=$((pending+1))' USR1 ;;
  ignore) trap '' USR1 ;;
  die) trap 'exit 138' USR1 ;;
esac
case $on_end in
  flush) trap 'flush "$@"; exit 0' TERM ;;
  *) trap 'exit 143' TERM ;;
esac

stamp() {
  now=$(date +%s%N 2>/dev/null)
  case $now in
    ''|*[!0-9]*) stamps=$((stamps+1)); now=$(date +%s)$(printf %09d "$stamps") ;;
  esac
}

flush() {
  if [ "$played" -lt $# ]; then played=$((played+1)); fi
  [ "$played" -gt 0 ] || return 0
  eval "recorded=\${$played}"
  [ "$delay" = 0 ] || sleep "$delay"
  hash=${recorded##*/covcounters.}
  hash=${hash%%.*}
  stamp
  name=covcounters.$hash.1.$now
  if [ "$write_time" != 0 ]; then
    size=$(wc -c < "$recorded")
    head -c "$((size / 2))" "$recorded" > "$dir/tmp.$name"
    sleep "$write_time"
  fi
  cat "$recorded" > "$dir/tmp.$name" && mv "$dir/tmp.$name" "$dir/$name"
}

if [ -n "$meta" ]; then
  stamp
  name=${meta##*/}
  cat "$meta" > "$dir/tmp.$name$now" && mv "$dir/tmp.$name$now" "$dir/$name"
fi
: > "$ready"
while :; do
  while [ "$pending" -gt 0 ]; do pending=$((pending-1)); flush "$@"; done
  sleep 1 &
  # A signal that comes just before the wait is seen a second later at most.
  if [ "$pending" -eq 0 ]; then wait $!; fi
  kill $! 2>/dev/null
done
"#;
