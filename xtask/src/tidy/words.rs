//! Words that must not stand anywhere: those of an example's domain in the crates, and
//! addresses of one machine or of a registry in any file.

use super::sources;
use crate::proc::Problem;
use crate::repo;

/// Words of the domains that the examples are about. `order` and `product` are ordinary words
/// of programming too and cannot stand here.
const DOMAIN: &[&str] = &[
    "appointment",
    "appointments",
    "cart",
    "carts",
    "checkout",
    "clinic",
    "invoice",
    "invoices",
    "patient",
    "parcel",
    "parcels",
    "patients",
    "payment",
    "payments",
    "refund",
    "refunds",
    "shipment",
    "shipments",
    "shop",
    "shopper",
    "shoppers",
    "sku",
    "stock",
];

/// Files that may hold them: the command `new` ships the examples, so it names them.
const SHIPS_EXAMPLES: &[&str] = &["crates/underpin/src/commands/new.rs"];

/// Source files that are not tests, anywhere under `crates/`, hold none of [`DOMAIN`].
pub(super) fn domain() -> Result<Vec<String>, Problem> {
    let mut found = Vec::new();
    for (name, text) in sources::rust()? {
        if !name.starts_with("crates/")
            || sources::is_test(&name)
            || SHIPS_EXAMPLES.contains(&&*name)
        {
            continue;
        }
        for (number, line) in sources::without_tests(&text).iter().enumerate() {
            for word in words(line).filter(|word| DOMAIN.contains(&word.as_str())) {
                found.push(format!("`{name}:{}` says `{word}`", number + 1));
            }
        }
    }
    Ok(found)
}

/// The words of a line in lower case; `stockLevel`, `stock_level` and `StockLevel` hold `stock`.
fn words(line: &str) -> impl Iterator<Item = String> {
    let mut spaced = String::with_capacity(line.len());
    let mut lower = false;
    for c in line.chars() {
        if lower && c.is_uppercase() {
            spaced.push(' ');
        }
        lower = c.is_lowercase();
        spaced.push(if c.is_alphanumeric() { c } else { ' ' });
    }
    let words: Vec<String> = spaced.split_whitespace().map(str::to_lowercase).collect();
    words.into_iter()
}

/// Paths and hosts that only hold on one machine or name a registry. In two halves, so that this
/// file does not hold them.
const ADDRESSES: &[(&str, &str)] = &[
    ("/wo", "rk/"),
    ("/ro", "ot/"),
    ("/ho", "me/"),
    ("registry.", "npmjs"),
    ("registry.", "yarnpkg"),
    ("npmmirror", "."),
    ("files.", "pythonhosted"),
    ("pypi.", "org"),
    ("static.", "crates.io"),
    ("index.", "crates.io"),
    ("--index", "-url"),
    ("\"resolved\":", " \"http"),
    ("deb.", "debian.org"),
];

/// No text file holds one of [`ADDRESSES`].
pub(super) fn addresses() -> Result<Vec<String>, Problem> {
    let mut found = Vec::new();
    for name in repo::files()? {
        // Cargo writes the name of its index into its own lock file; bytes are not text.
        let Ok(text) = repo::text(&name) else {
            continue;
        };
        if name == "Cargo.lock" {
            continue;
        }
        for (number, line) in text.lines().enumerate() {
            if let Some(address) = address(line) {
                found.push(format!("`{name}:{}` holds `{address}`", number + 1));
            }
        }
    }
    Ok(found)
}

fn address(line: &str) -> Option<String> {
    ADDRESSES
        .iter()
        .map(|(a, b)| format!("{a}{b}"))
        .find(|address| {
            line.match_indices(address.as_str()).any(|(at, _)| {
                // A path begins here; `framework/x` and `./root/x` do not.
                let before = line.get(..at).and_then(|before| before.chars().last());
                !address.starts_with('/')
                    || before.is_none_or(|c| !(c.is_alphanumeric() || "._-*}>".contains(c)))
            })
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_in_any_spelling() {
        let found: Vec<_> = words("let stockLevel = a.max_stock + StockItem::new();").collect();
        assert_eq!(found.iter().filter(|word| *word == "stock").count(), 3);
        assert!(!words("stockings").any(|word| word == "stock"));
    }

    #[test]
    fn an_address_is_found_and_a_relative_path_is_not() {
        let line = ["see /wo", "rk/main"].concat();
        assert!(address(&line).is_some());
        assert!(address("framework/main and ./home/x").is_none());
    }
}
