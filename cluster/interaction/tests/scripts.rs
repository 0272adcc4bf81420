//! Each command in a script.

#[test]
fn scripts_give_what_they_expect() {
    interaction::check("tests/scripts");
}

#[test]
fn the_scripts_of_the_package_give_what_they_expect() {
    interaction::check("scripts");
}
