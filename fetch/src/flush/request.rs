//! What a flush is asked for by: a signal to a process, a command in the container, a request to the pod.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

use crate::escape::one_line;

/// A flush to ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlushRequest {
    /// What makes the program write its counters.
    pub method: Method,
    /// How long to wait for the new counter file; whole seconds.
    pub timeout: Duration,
}

/// What makes a program write its counters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Method {
    /// A signal to a process.
    Signal(Signal, Process),
    /// A command that is run in the container: a program and its arguments, never a shell's text.
    Command(Vec<String>),
    /// An HTTP request to the pod.
    Request(FlushUrl),
}

impl Method {
    /// The option that asks for it.
    pub fn option(&self) -> &'static str {
        match self {
            Self::Signal(..) => "--signal",
            Self::Command(_) => "--flush-exec",
            Self::Request(_) => "--flush-url",
        }
    }

    /// A command as it would be typed in a shell.
    pub fn typed(words: &[String]) -> String {
        // Words hold no NUL byte, which is all that could not be quoted.
        shlex::try_join(words.iter().map(String::as_str)).unwrap_or_else(|_| words.join(" "))
    }
}

impl FlushRequest {
    /// The process that is to write the file, if it is known by its number.
    pub fn pid(&self) -> Option<u32> {
        match &self.method {
            Method::Signal(_, Process::Id(pid)) => Some(pid.get()),
            _ => None,
        }
    }

    /// Whether the program ends with its flush, and its container with it.
    pub fn ends_container(&self) -> bool {
        matches!(self.method, Method::Signal(Signal::Term, _))
    }

    /// Whether the flush is asked for from outside of the script that waits for it.
    pub fn is_apart(&self) -> bool {
        !matches!(self.method, Method::Signal(..))
    }

    /// The word of the manifest.
    pub fn word(&self) -> &'static str {
        match self.method {
            Method::Signal(..) => "signal",
            Method::Command(_) => "command",
            Method::Request(_) => "request",
        }
    }
}

/// A signal that makes a program write its counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// SIGHUP.
    Hup,
    /// SIGUSR1.
    Usr1,
    /// SIGUSR2.
    Usr2,
    /// SIGWINCH.
    Winch,
    /// SIGTERM: the program ends, which makes every build write, and is started again.
    Term,
}

impl Signal {
    const ALL: [Self; 5] = [Self::Hup, Self::Usr1, Self::Usr2, Self::Winch, Self::Term];

    /// The name without `SIG`, as `kill -s` takes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hup => "HUP",
            Self::Usr1 => "USR1",
            Self::Usr2 => "USR2",
            Self::Winch => "WINCH",
            Self::Term => "TERM",
        }
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Signal {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let upper = text.to_ascii_uppercase();
        let name = upper.strip_prefix("SIG").unwrap_or(&upper);
        Self::ALL.into_iter().find(|signal| signal.as_str() == name).ok_or_else(|| {
            "signals that a program can handle and live on: USR1, USR2, HUP, WINCH; or TERM, after which \
             its container is started again"
                .to_owned()
        })
    }
}

/// A process of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Process {
    /// By its number inside the container.
    Id(NonZeroU32),
    /// By its name, as `ps -o comm` shows it.
    Name(ProcessName),
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(pid) => pid.fmt(f),
            Self::Name(name) => f.write_str(&name.0),
        }
    }
}

/// The name of a process: no number, no path, nothing that a pattern would be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessName(String);

impl FromStr for ProcessName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.+:@".contains(&byte);
        if text.is_empty() || text.len() > 255 || text.starts_with('-') || !text.bytes().all(fits) {
            return Err(format!("\"{}\" cannot be the name of a process", one_line(text)));
        }
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(format!("\"{text}\" is a number: --pid {text}"));
        }
        Ok(Self(text.to_owned()))
    }
}

/// Where in each pod a request goes: `http://localhost:PORT/PATH`, or `:PORT/PATH`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlushUrl {
    /// Port of the pod.
    pub port: u16,
    /// Path and query, from the slash on.
    pub path: String,
    /// The request's method.
    pub method: HttpMethod,
}

impl FromStr for FlushUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = |why: &str| {
            format!("{why}; write http://localhost:PORT/PATH or :PORT/PATH: the request goes to each pod")
        };
        if text.starts_with(':') {
            return format!("http://localhost{text}").parse();
        }
        let uri: http::Uri = text.parse().map_err(|_| wrong("no URL"))?;
        match uri.scheme_str() {
            Some("http") => {}
            Some("https") => return Err(wrong("TLS to a pod is not supported")),
            _ => return Err(wrong("a URL begins with http://")),
        }
        let authority = uri.authority().ok_or_else(|| wrong("no host"))?;
        if authority.as_str().contains('@') {
            return Err(wrong("no user belongs into it"));
        }
        if !matches!(authority.host(), "localhost" | "127.0.0.1" | "[::1]") {
            return Err(wrong("the host must be localhost"));
        }
        let port = match authority.as_str().strip_prefix(authority.host()) {
            Some("") => 80,
            _ => authority.port_u16().filter(|port| *port > 0).ok_or_else(|| wrong("no port"))?,
        };
        let path = uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        Ok(Self { port, path, method: HttpMethod::Post })
    }
}

impl fmt::Display for FlushUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} http://localhost:{}{}", self.method.as_str(), self.port, self.path)
    }
}

/// The method of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
#[value(rename_all = "UPPER")]
pub enum HttpMethod {
    /// What changes something.
    Post,
    /// What some endpoints take only.
    Get,
    /// As POST.
    Put,
}

impl HttpMethod {
    /// As in the request's first line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Post => "POST",
            Self::Get => "GET",
            Self::Put => "PUT",
        }
    }
}

/// Takes a command line apart as a shell does, with quotes and backslashes, and runs none: nothing is expanded.
pub fn words(line: &str) -> Result<Vec<String>, String> {
    let words = shlex::split(line).ok_or("a quote is open, or a backslash is the last character")?;
    if words.first().is_none_or(String::is_empty) {
        return Err("no command".to_owned());
    }
    if line.contains('\0') {
        return Err("a NUL byte cannot be in a command".to_owned());
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_are_named_as_people_name_them() {
        for text in ["USR1", "usr1", "SIGUSR1", "sigusr1"] {
            assert_eq!(text.parse::<Signal>(), Ok(Signal::Usr1));
        }
        assert_eq!("SIGTERM".parse::<Signal>(), Ok(Signal::Term));
        for text in ["KILL", "9", "", "USR1; rm -rf /"] {
            assert!(text.parse::<Signal>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_process_has_a_name_or_a_number() {
        for name in ["server", "my-server_2.x", "a"] {
            assert_eq!(name.parse::<ProcessName>().unwrap().0, name);
        }
        for text in ["", "17", "*", "a*", "a b", "/bin/x", "-x", "$(x)", "a\n", "é"] {
            assert!(text.parse::<ProcessName>().is_err(), "{text}");
        }
    }

    #[test]
    fn urls_lead_to_the_pod_and_nowhere_else() {
        let of = |text: &str| text.parse::<FlushUrl>().map(|url| (url.port, url.path));
        assert_eq!(of(":8080/debug/flush?x=1"), Ok((8080, "/debug/flush?x=1".into())));
        assert_eq!(of("http://localhost:8080"), Ok((8080, "/".into())));
        assert_eq!(of("http://127.0.0.1/f"), Ok((80, "/f".into())));
        assert_eq!(of("http://[::1]:9/f"), Ok((9, "/f".into())));
        for text in [
            "",
            "8080/flush",
            "/flush",
            ":0/x",
            ":99999/x",
            "https://localhost/x",
            "http://example.com/x",
            "http://localhost@evil/x",
            "http://u:p@localhost/x",
            "file:///etc/passwd",
            "http://localhost:80/a b",
            "http://localhost:80/a\r\nX: y",
        ] {
            assert!(of(text).is_err(), "{text}: {:?}", of(text));
        }
    }

    #[test]
    fn command_lines_are_words_and_nothing_is_expanded() {
        let of = |text: &str| words(text).unwrap();
        assert_eq!(of("kill -USR1 1"), ["kill", "-USR1", "1"]);
        assert_eq!(of(r#"a 'b c' "d $HOME" e\ f"#), ["a", "b c", "d $HOME", "e f"]);
        assert_eq!(of("a $(id) `id` ; b | c"), ["a", "$(id)", "`id`", ";", "b", "|", "c"]);
        for text in ["", "  ", "'open", "''", "end\\", "a\0b"] {
            assert!(words(text).is_err(), "{text:?}");
        }
    }
}
