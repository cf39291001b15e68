//! `kill` and the shells of a container without a PID namespace.
//!
//! There the first process has some number of the host's, and its own name for itself, 1, is the host's first process.
//! So `kill` is replaced, as a program and as the shells' built-in one, by a function that knows one target, pid 1,
//! and refuses all others. A shell gets the function as a prelude to its `-c` script.
//!
//! This makes the ordinary forms work. What keeps the others from doing harm is [`super::confine`].

use std::path::Path;

/// Shells that a script may be run by: each has `kill` built in.
pub(super) fn is_shell(program: &str) -> bool {
    ["sh", "bash", "dash", "ash", "ksh", "mksh", "zsh"].contains(&program)
}

/// The function; the first process's number on the host is in the file given. Its body is a subshell, so that it has
/// variables of its own in any shell.
fn kill_function(pid_file: &Path) -> String {
    let pid_file = quote(&pid_file.display().to_string());
    format!(
        r#"kill() (
  option=-s value=TERM
  case ${{1-}} in
    -l|-L) command kill "$@"; exit ;;
    -s|-n) option=$1 value=${{2-}}; shift; if [ $# -gt 0 ]; then shift; fi ;;
    --) ;;
    -?*) option=$1 value=; shift ;;
  esac
  if [ "${{1-}}" = -- ]; then shift; fi
  if [ $# -eq 0 ]; then echo 'usage: kill [-s signal | -signal] pid ...' >&2; exit 2; fi
  status=0 first=
  read -r first < {pid_file}
  for pid do
    if [ "$pid" != 1 ] || [ -z "$first" ]; then
      echo "kill: ($pid) - No such process in this container" >&2
      status=1
    elif [ -n "$value" ]; then
      command kill "$option" "$value" "$first" || status=1
    else
      command kill "$option" "$first" || status=1
    fi
  done
  exit "$status"
)"#
    )
}

/// The program `kill`.
pub(super) fn kill_shim(shell: &Path, pid_file: &Path) -> String {
    format!("#!{}\n{}\nkill \"$@\"\n", shell.display(), kill_function(pid_file))
}

/// A shell under the name `program`: `target` with the function defined before a `-c` script. Scripts from a file or
/// from standard input get no function; the kernel, or the host's permissions, keep their `kill` from working.
pub(super) fn shell_shim(target: &Path, program: &str, pid_file: &Path) -> String {
    let prelude = quote(&kill_function(pid_file));
    let target = target.display();
    format!(
        r#"#!{target}
options= command=
while [ $# -gt 0 ]; do
  case $1 in
    --) shift; break ;;
    -o|+o) options="$options $1 $2"; shift 2 ;;
    -*c*)
      command=1
      rest=${{1%%c*}}${{1#*c}}
      [ "$rest" = - ] || options="$options $rest"
      shift ;;
    -?*|+?*) options="$options $1"; shift ;;
    *) break ;;
  esac
done
if [ -z "$command" ]; then exec {target} $options "$@"; fi
script=${{1-}}
name=${{2-{program}}}
if [ $# -gt 1 ]; then shift 2; else shift $#; fi
prelude={prelude}
exec {target} $options -c "$prelude
$script" "$name" "$@"
"#
    )
}

/// A word of a shell script that means this text.
pub(super) fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
