//! What a disk holds that loses everything that was not synced: rebuilt from the system calls of a
//! process, as strace writes them. File contents only; names of files are taken as durable.

use std::collections::BTreeMap;

/// One call that matters.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Call {
    Write {
        path: String,
        offset: Option<u64>,
        data: Vec<u8>,
    },
    Seek {
        path: String,
        offset: u64,
    },
    Cut {
        path: String,
        length: u64,
    },
    Sync {
        path: String,
    },
    /// An answer of that status leaves on a socket.
    Answer(u16),
}

/// What a trace says, in order.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    calls: Vec<Call>,
}

/// Files by path.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// The files at one acknowledgement.
#[derive(Debug)]
pub(crate) struct Acknowledged {
    /// What was synced by then.
    pub(crate) synced: Files,
    /// The same without the last sync before it: what a process that forgot it would leave.
    pub(crate) forgetful: Files,
    /// How many syncs there were since the acknowledgement before.
    pub(crate) syncs: usize,
}

impl Trace {
    /// Reads what `strace -f -y -xx -s N` has written.
    pub(crate) fn read(text: &str) -> Self {
        let mut open: BTreeMap<&str, String> = BTreeMap::new();
        let mut calls = Vec::new();
        for line in text.lines() {
            let Some((process, rest)) = line.trim_start().split_once(' ') else {
                continue;
            };
            let rest = rest.trim_start();
            // An answer counts from the moment at which it begins to leave.
            let begun = rest.strip_suffix("<unfinished ...>");
            if let Some(begun) = begun {
                calls.extend(call(begun).filter(|call| matches!(call, Call::Answer(_))));
                open.insert(process, begun.to_owned());
                continue;
            }
            let resumed = rest
                .strip_prefix("<... ")
                .and_then(|rest| rest.split_once('>'));
            match resumed {
                Some((_, end)) => {
                    let whole = open.remove(process).unwrap_or_default() + end;
                    calls.extend(call(&whole).filter(|call| !matches!(call, Call::Answer(_))));
                }
                None => calls.extend(call(rest)),
            }
        }
        Self { calls }
    }

    /// The files at every acknowledgement, beginning with `base`; files of other paths are left out.
    pub(crate) fn acknowledged(&self, base: &Files, status: u16) -> Vec<Acknowledged> {
        let mut written = base.clone();
        let mut synced = base.clone();
        let mut before = base.clone();
        let mut places: BTreeMap<&str, u64> = BTreeMap::new();
        let (mut syncs, mut found) = (0, Vec::new());
        for call in &self.calls {
            match call {
                Call::Write { path, offset, data } => {
                    let place = places.entry(path).or_default();
                    let at = offset.unwrap_or(*place);
                    *place = at + data.len() as u64;
                    put(written.entry(path.clone()).or_default(), at, data);
                }
                Call::Seek { path, offset } => {
                    places.insert(path, *offset);
                }
                Call::Cut { path, length } => {
                    let file = written.entry(path.clone()).or_default();
                    file.resize(usize::try_from(*length).unwrap_or(0), 0);
                }
                Call::Sync { path } => {
                    if let Some(content) = written.get(path) {
                        before = synced.clone();
                        synced.insert(path.clone(), content.clone());
                        syncs += 1;
                    }
                }
                Call::Answer(said) if *said == status => {
                    found.push(Acknowledged {
                        synced: synced.clone(),
                        forgetful: before.clone(),
                        syncs: std::mem::take(&mut syncs),
                    });
                }
                Call::Answer(_) => {}
            }
        }
        found
    }
}

fn put(file: &mut Vec<u8>, at: u64, data: &[u8]) {
    let at = usize::try_from(at).unwrap_or(usize::MAX - data.len());
    if file.len() < at + data.len() {
        file.resize(at + data.len(), 0);
    }
    if let Some(place) = file.get_mut(at..at + data.len()) {
        place.copy_from_slice(data);
    }
}

/// `name(12</path>, rest) = 7`
fn call(text: &str) -> Option<Call> {
    let (name, rest) = text.split_once('(')?;
    let (_, rest) = rest.split_once('<')?;
    let (path, rest) = rest.split_once('>')?;
    let rest = rest.trim_start_matches(", ");
    let path = match unquoted(path) {
        Some(bytes) => String::from_utf8(bytes).ok()?,
        None => path.to_owned(),
    };
    let numbers = |text: &str| -> Vec<u64> {
        let parts = text.split([',', ')']).map(str::trim);
        parts.map_while(|part| part.parse().ok()).collect()
    };
    match name {
        "write" | "pwrite64" | "sendto" | "writev" => {
            let (_, quoted) = rest.split_once('"')?;
            let (quoted, end) = quoted.split_once('"')?;
            let data = unquoted(quoted)?;
            if path.starts_with("socket:") || path.starts_with("TCP:") {
                let head = String::from_utf8_lossy(&data).into_owned();
                let status = head.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
                return Some(Call::Answer(status));
            }
            let end = numbers(end.trim_start_matches(", "));
            let offset = end.get(1).copied().filter(|_| name == "pwrite64");
            Some(Call::Write { path, offset, data })
        }
        "lseek" => {
            let offset = *numbers(rest).first()?;
            Some(Call::Seek { path, offset })
        }
        "ftruncate" => {
            let length = *numbers(rest).first()?;
            Some(Call::Cut { path, length })
        }
        "fsync" | "fdatasync" => Some(Call::Sync { path }),
        _ => None,
    }
}

/// `\x48\x54` as bytes.
fn unquoted(text: &str) -> Option<Vec<u8>> {
    let mut parts = text.split("\\x");
    if !parts.next()?.is_empty() {
        return None;
    }
    parts
        .map(|part| u8::from_str_radix(part, 16).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_synced_before_an_answer_is_not_there() {
        let text = concat!(
            "7 pwrite64(3</d/a>, \"\\x61\\x62\", 2, 0) = 2\n",
            "7 fdatasync(3</d/a> <unfinished ...>\n",
            "8 writev(9<TCP:[1]>, [{iov_base=\"\\x48\\x54\\x54\\x50\\x2f\\x31\\x2e\\x31\\x20\\x34\\x30\\x34\", iov_len=12}], 1) = 12\n",
            "7 <... fdatasync resumed>) = 0\n",
            "7 write(3</d/a>, \"\\x63\", 1) = 1\n",
            "8 writev(9<TCP:[1]>, [{iov_base=\"\\x48\\x54\\x54\\x50\\x2f\\x31\\x2e\\x31\\x20\\x32\\x30\\x31\", iov_len=12}], 1) = 12\n",
        );
        let base = Files::from([("/d/a".to_owned(), b"_".to_vec())]);
        let found = Trace::read(text).acknowledged(&base, 201);
        let [one] = found.as_slice() else {
            panic!("{found:?}");
        };
        assert_eq!(one.syncs, 1);
        assert_eq!(one.synced.get("/d/a"), Some(&b"ab".to_vec()));
        assert_eq!(one.forgetful.get("/d/a"), Some(&b"_".to_vec()));
    }
}
