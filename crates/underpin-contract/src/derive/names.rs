//! Names as clients see them: `kebab-case` in paths, `camelCase` for operations, English plurals.

/// `OrderLine` and `order_line` as `order-line`.
pub(super) fn kebab(name: &str) -> String {
    let mut text = String::with_capacity(name.len() + 4);
    let mut before_lower = false;
    for c in name.chars() {
        if c.is_uppercase() && before_lower {
            text.push('-');
        }
        before_lower = c.is_lowercase() || c.is_ascii_digit();
        match c {
            '_' | ' ' => text.push('-'),
            _ => text.extend(c.to_lowercase()),
        }
    }
    text
}

/// `place-order` as `PlaceOrder`.
pub(crate) fn pascal(name: &str) -> String {
    name.split(['-', '_', ' ']).map(capital).collect()
}

/// `place-order` as `placeOrder`.
pub(super) fn camel(name: &str) -> String {
    let joined = pascal(name);
    let mut letters = joined.chars();
    match letters.next() {
        Some(first) => first.to_lowercase().chain(letters).collect(),
        None => joined,
    }
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => String::new(),
    }
}

/// `place-order` as `Place order`.
pub(super) fn sentence(name: &str) -> String {
    capital(&kebab(name).replace('-', " "))
}

const IRREGULAR: &[(&str, &str)] = &[
    ("person", "people"),
    ("child", "children"),
    ("man", "men"),
    ("woman", "women"),
    ("foot", "feet"),
    ("tooth", "teeth"),
    ("mouse", "mice"),
    ("goose", "geese"),
    ("criterion", "criteria"),
    ("datum", "data"),
    ("medium", "media"),
    ("index", "indexes"),
    ("quiz", "quizzes"),
    ("hero", "heroes"),
    ("potato", "potatoes"),
    ("tomato", "tomatoes"),
    ("echo", "echoes"),
    ("veto", "vetoes"),
    ("cargo", "cargoes"),
    ("life", "lives"),
    ("wife", "wives"),
    ("knife", "knives"),
    ("shelf", "shelves"),
    ("half", "halves"),
    ("leaf", "leaves"),
    ("loaf", "loaves"),
    ("wolf", "wolves"),
    ("calf", "calves"),
    ("thief", "thieves"),
    ("self", "selves"),
];

const UNCHANGED: &[&str] = &[
    "series",
    "species",
    "sheep",
    "fish",
    "aircraft",
    "news",
    "equipment",
    "information",
    "luggage",
    "baggage",
    "staff",
    "stuff",
    "media",
    "data",
    "people",
    "children",
];

/// The English plural of a kebab-case name: its last word in the plural.
pub(super) fn plural(name: &str) -> String {
    let (head, last) = match name.rsplit_once('-') {
        Some((head, last)) => (format!("{head}-"), last),
        None => (String::new(), name),
    };
    format!("{head}{}", plural_word(last))
}

fn plural_word(word: &str) -> String {
    if UNCHANGED.contains(&word) {
        return word.to_owned();
    }
    if let Some((_, plural)) = IRREGULAR.iter().find(|(singular, _)| *singular == word) {
        return (*plural).to_owned();
    }
    let before_last = word.chars().rev().nth(1);
    if let Some(stem) = word.strip_suffix('y')
        && before_last.is_some_and(|c| !"aeiou".contains(c))
    {
        return format!("{stem}ies");
    }
    if let Some(stem) = word.strip_suffix("sis") {
        return format!("{stem}ses");
    }
    if ["s", "x", "z", "ch", "sh"]
        .iter()
        .any(|ending| word.ends_with(ending))
    {
        return format!("{word}es");
    }
    format!("{word}s")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plurals_are_english() {
        let table = "order orders|category categories|day days|box boxes|branch branches|status statuses\
            |person people|order-line order-lines|analysis analyses|series series|bus buses|quiz quizzes\
            |key keys|shelf shelves|event-type event-types|staff staff|bike bikes|dish dishes";
        for row in table.split('|') {
            let (one, many) = row.split_once(' ').unwrap();
            assert_eq!(plural(one.trim()), many, "{one}");
        }
    }

    #[test]
    fn names_follow_the_place_where_they_stand() {
        assert_eq!(kebab("OrderLine"), "order-line");
        assert_eq!(kebab("Stock2Go"), "stock2-go");
        assert_eq!(camel("place-order"), "placeOrder");
        assert_eq!(pascal("my-orders"), "MyOrders");
        assert_eq!(sentence("place-order"), "Place order");
    }
}
