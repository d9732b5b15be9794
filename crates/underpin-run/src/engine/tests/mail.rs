//! A courier that keeps what it is given, and answers as it is told.

use crate::backend::Pending;
use crate::feeds::{Courier, Delivered, Letter};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Mutex;
use std::time::Duration;

/// Answers 200 unless it is told otherwise.
#[derive(Default)]
pub(super) struct Mail {
    pub(super) sent: Mutex<Vec<Letter>>,
    /// What comes next from a URL; 0 is no answer.
    next: Mutex<BTreeMap<String, VecDeque<u16>>>,
    /// What always comes from a URL.
    always: Mutex<BTreeMap<String, u16>>,
    silent: Mutex<BTreeSet<String>>,
}

impl Mail {
    pub(super) fn then(&self, url: &str, statuses: &[u16]) {
        let mut next = self.next.lock().unwrap();
        next.entry(url.to_owned()).or_default().extend(statuses);
    }

    pub(super) fn always(&self, url: &str, status: u16) {
        self.always.lock().unwrap().insert(url.to_owned(), status);
    }

    /// Never answers from now on.
    pub(super) fn silence(&self, url: &str) {
        self.silent.lock().unwrap().insert(url.to_owned());
    }

    pub(super) fn speak(&self, url: &str) {
        self.silent.lock().unwrap().remove(url);
    }

    /// Ids of messages that were sent to a URL, in order, repetitions included.
    pub(super) fn ids(&self, url: &str) -> Vec<String> {
        self.to(url).into_iter().map(|letter| letter.id).collect()
    }

    pub(super) fn to(&self, url: &str) -> Vec<Letter> {
        let sent = self.sent.lock().unwrap();
        sent.iter()
            .filter(|letter| letter.url == url)
            .cloned()
            .collect()
    }
}

impl Courier for Mail {
    fn deliver(&self, letter: Letter) -> Pending<'_, Delivered> {
        let url = letter.url.clone();
        self.sent.lock().unwrap().push(letter);
        if self.silent.lock().unwrap().contains(&url) {
            return Box::pin(std::future::pending());
        }
        let scripted = self
            .next
            .lock()
            .unwrap()
            .get_mut(&url)
            .and_then(VecDeque::pop_front);
        let always = self.always.lock().unwrap().get(&url).copied();
        let status = scripted.or(always).unwrap_or(200);
        Box::pin(std::future::ready(Delivered {
            status: (status > 0).then_some(status),
            answer: Some("said".to_owned()),
            took: Duration::from_millis(3),
            retry_after: None,
        }))
    }

    fn objection(&self, url: &str) -> Option<String> {
        url.contains("inside").then(|| "not public".to_owned())
    }
}
