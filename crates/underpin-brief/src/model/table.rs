//! Declarations of one kind, sorted by name, addressed by typed ids.
//!
//! Sorting makes everything downstream independent of the order in which things were declared.

use std::fmt;
use std::marker::PhantomData;

/// The place of a declaration in its [`Table`]. Ids are made only by tables.
pub struct Id<T> {
    index: u32,
    kind: PhantomData<fn() -> T>,
}

impl<T> Id<T> {
    /// The position in the sorted table, for dense side tables.
    #[must_use]
    pub fn index(self) -> usize {
        self.index as usize
    }

    /// The id of position `index`; only meaningful for the table that it was taken from.
    #[must_use]
    pub fn from_index(index: usize) -> Self {
        Self {
            index: u32::try_from(index).unwrap_or(u32::MAX),
            kind: PhantomData,
        }
    }
}

impl<T> Clone for Id<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Id<T> {}
impl<T> PartialEq for Id<T> {
    fn eq(&self, other: &Self) -> bool {
        self.index == other.index
    }
}
impl<T> Eq for Id<T> {}
impl<T> PartialOrd for Id<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<T> Ord for Id<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.index.cmp(&other.index)
    }
}
impl<T> std::hash::Hash for Id<T> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.index.hash(state);
    }
}
impl<T> fmt::Debug for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.index)
    }
}

/// Something with a name that is unique in its table.
pub trait Named {
    /// The name as written.
    fn name(&self) -> &str;
}

/// Declarations of one kind, sorted by name, names unique.
#[derive(Clone, Debug)]
pub struct Table<T> {
    rows: Vec<T>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { rows: Vec::new() }
    }
}

impl<T: Named> Table<T> {
    /// Sorts `rows` by name. Of two rows of one name the first stays; the caller has reported it.
    #[must_use]
    pub fn new(mut rows: Vec<T>) -> Self {
        rows.sort_by(|a, b| a.name().cmp(b.name()));
        rows.dedup_by(|later, earlier| later.name() == earlier.name());
        Self { rows }
    }

    /// The row of that name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<Id<T>> {
        self.rows
            .binary_search_by(|row| row.name().cmp(name))
            .ok()
            .map(Id::from_index)
    }
}

impl<T> Table<T> {
    /// The row of `id`.
    ///
    /// # Panics
    /// Where `id` was taken from another table, which is a defect of the caller.
    #[must_use]
    #[expect(
        clippy::indexing_slicing,
        reason = "ids are made by the table that they index"
    )]
    pub fn get(&self, id: Id<T>) -> &T {
        &self.rows[id.index()]
    }

    /// The row of `id` for change while the brief is being made.
    #[must_use]
    #[expect(
        clippy::indexing_slicing,
        reason = "ids are made by the table that they index"
    )]
    pub(crate) fn get_mut(&mut self, id: Id<T>) -> &mut T {
        &mut self.rows[id.index()]
    }

    /// All rows with their ids, by name.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (Id<T>, &T)> + ExactSizeIterator {
        self.rows
            .iter()
            .enumerate()
            .map(|(index, row)| (Id::from_index(index), row))
    }

    /// All rows, by name.
    pub fn rows(&self) -> &[T] {
        &self.rows
    }

    /// How many rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

impl<'a, T> IntoIterator for &'a Table<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.rows.iter()
    }
}
