//! Which known name was meant?

/// The known name that is most like `name`, if one is like enough to be meant. Upper and lower case,
/// and `-` and `_`, are one.
pub(crate) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // The distance takes time in the product of the lengths.
    let plain = |text: &str| -> String {
        let letters = text.chars().take(100).flat_map(char::to_lowercase);
        letters.map(|letter| if letter == '-' { '_' } else { letter }).collect()
    };
    let name = plain(name);
    known
        .into_iter()
        .map(|known| (strsim::damerau_levenshtein(&name, &plain(known)), known))
        .filter(|&(distance, known)| distance <= known.chars().count().div_ceil(3))
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, known)| known)
}

/// `; did you mean NAME?` for a message, or nothing.
pub(crate) fn hint<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    nearest(name, known).map_or_else(String::new, |known| format!("; did you mean `{known}`?"))
}
