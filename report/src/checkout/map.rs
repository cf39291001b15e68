//! `--map FROM=TO`: where files are whose names, as the compiler wrote them, say nothing about the repository.
//!
//! FROM is the start of such a name, up to the end of one of its components: an import path (`example.com/shop`) or,
//! for `go build main.go`, an absolute path (`/src/shop`, `C:\shop`). TO is a directory, relative to the repository's
//! root or absolute; a file, if FROM is the whole name of one. The longest FROM that fits wins, whatever the order, and it beats what `go.mod` says.

use std::str::FromStr;

use super::forward_slashes;

/// The maps of a command line.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PathMaps {
    /// The longest first; of two for the same names the one given last.
    maps: Vec<PathMap>,
}

/// One map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathMap {
    /// As it was typed.
    typed: String,
    /// With forward slashes, without a slash at the end; empty for the root of the file system.
    from: String,
    /// Without a slash at the end; empty for the repository's root, `/` for that of the file system.
    to: String,
}

/// A value of `--map` that is no map.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MapError {
    /// No equals sign.
    #[error("no `=` between the start of a compiled file's name and a directory of the repository")]
    NoEquals,
    /// Nothing before the equals sign.
    #[error("nothing before `=`: it needs the start of a compiled file's name")]
    NoStart,
}

impl FromStr for PathMap {
    type Err = MapError;

    fn from_str(typed: &str) -> Result<Self, MapError> {
        let (from, to) = typed.split_once('=').ok_or(MapError::NoEquals)?;
        if from.is_empty() {
            return Err(MapError::NoStart);
        }
        let from = forward_slashes(from).trim_end_matches('/').to_owned();
        let to = match to.trim_end_matches('/') {
            "" if to.starts_with('/') => "/",
            "." => "",
            trimmed => trimmed.strip_prefix("./").unwrap_or(trimmed),
        };
        Ok(Self { typed: typed.to_owned(), from, to: to.to_owned() })
    }
}

impl PathMap {
    /// The part of a name behind FROM, empty if that is the whole name; `None` if the name does not start with it.
    fn below<'n>(&self, name: &'n str) -> Option<&'n str> {
        let (start, below) = name.split_at_checked(self.from.len())?;
        // Windows minds no case.
        let same =
            if super::is_windows(name) { start.eq_ignore_ascii_case(&self.from) } else { start == self.from };
        if same && below.is_empty() && !name.is_empty() {
            return Some(below);
        }
        same.then(|| below.strip_prefix('/'))?
    }
}

impl PathMaps {
    /// Puts the longest first.
    pub fn new(mut maps: Vec<PathMap>) -> Self {
        maps.reverse();
        maps.sort_by_key(|map| std::cmp::Reverse(map.from.len()));
        Self { maps }
    }

    /// Where a file is that the compiler named `name` (with forward slashes): a path below the repository's root, or
    /// an absolute one. `None` if no map is for it, or if its name climbs.
    pub(super) fn apply(&self, name: &str) -> Option<String> {
        let (map, below) = self.maps.iter().find_map(|map| Some((map, map.below(name)?)))?;
        if below.is_empty() {
            return Some(map.to.clone()).filter(|to| !matches!(to.as_str(), "" | "/"));
        }
        if !below.split('/').all(super::is_plain) {
            return None;
        }
        Some(match map.to.as_str() {
            "" => below.to_owned(),
            "/" => format!("/{below}"),
            to => format!("{to}/{below}"),
        })
    }

    /// The maps, as typed, that are for none of the names.
    pub fn without_match<'m>(&'m self, names: &[&str]) -> Vec<&'m str> {
        let names: Vec<String> = names.iter().map(|name| forward_slashes(name)).collect();
        let idle = self.maps.iter().filter(|map| !names.iter().any(|name| map.below(name).is_some()));
        idle.map(|map| map.typed.as_str()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn maps(typed: &[&str]) -> PathMaps {
        PathMaps::new(typed.iter().map(|map| map.parse().unwrap()).collect())
    }

    #[test]
    fn the_longest_start_wins_in_any_order() {
        for order in [["a.b/c=x", "a.b/c/d=y"], ["a.b/c/d=y", "a.b/c=x"]] {
            let maps = maps(&order);
            assert_eq!(maps.apply("a.b/c/e/f.go").as_deref(), Some("x/e/f.go"));
            assert_eq!(maps.apply("a.b/c/d/f.go").as_deref(), Some("y/f.go"));
            assert_eq!(maps.apply("a.b/c/dd/f.go").as_deref(), Some("x/dd/f.go"));
            assert_eq!(maps.apply("a.b/cc/f.go"), None);
            // One file.
            assert_eq!(maps.apply("a.b/c").as_deref(), Some("x"));
        }
        assert_eq!(maps(&["a/f.go=b/g.go", "a=c"]).apply("a/f.go").as_deref(), Some("b/g.go"));
        assert_eq!(maps(&["a/f.go=."]).apply("a/f.go"), None);
        assert_eq!(maps(&["a/f=b"]).apply("a/f.go"), None);
        assert_eq!(maps(&["a=x", "a=y"]).apply("a/f.go").as_deref(), Some("y/f.go"));
    }

    #[test]
    fn the_root_is_a_directory_too() {
        for root in ["/src/app=.", "/src/app/=", "/src/app=./"] {
            assert_eq!(maps(&[root]).apply("/src/app/cmd/main.go").as_deref(), Some("cmd/main.go"), "{root}");
        }
        assert_eq!(maps(&["/=x"]).apply("/src/main.go").as_deref(), Some("x/src/main.go"));
        assert_eq!(maps(&["/=x"]).apply("src/main.go"), None);
        assert_eq!(maps(&["/src=/"]).apply("/src/main.go").as_deref(), Some("/main.go"));
        assert_eq!(maps(&["a=./x/"]).apply("a/main.go").as_deref(), Some("x/main.go"));
    }

    #[test]
    fn windows_names_are_mapped_as_windows_compares_them() {
        let maps = maps(&[r"C:\Work\shop=services/shop", r"\\server\share=net"]);
        assert_eq!(maps.apply("c:/work/shop/main.go").as_deref(), Some("services/shop/main.go"));
        assert_eq!(maps.apply("//server/share/main.go").as_deref(), Some("net/main.go"));
        assert_eq!(maps.without_match(&[r"C:\work\shop\main.go"]), [r"\\server\share=net"]);
    }

    #[test]
    fn a_name_that_climbs_is_not_mapped() {
        assert_eq!(maps(&["a=x"]).apply("a/../../etc/f.go"), None);
        assert_eq!(maps(&["a=x"]).apply("a//f.go"), None);
    }

    #[test]
    fn what_is_no_map_is_refused() {
        assert_eq!("a/b".parse::<PathMap>(), Err(MapError::NoEquals));
        assert_eq!("=b".parse::<PathMap>(), Err(MapError::NoStart));
    }
}
