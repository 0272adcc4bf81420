//! Any name can be armed; the list has what is armed, as it was written.

use fail::FailScenario;

fn sorted() -> Vec<(String, String)> {
    let mut list = fail::list();
    list.sort();
    list
}

#[test]
fn any_name_is_taken_and_only_armed_ones_are_listed() {
    let _scenario = FailScenario::setup();
    assert_eq!(fail::list(), []);
    fail::cfg("p07 nobody declares", " 1*off -> return(a) ").unwrap();
    fail::cfg("p07", "50%2*\nprint(x)".replace('\n', "").as_str()).unwrap();
    fail::cfg("p07-lines", "\n  off\n ->\n  panic\n").unwrap();
    fail::cfg_callback("p07-callback", || {}).unwrap();
    let expected = [
        ("p07", "50%2*print(x)"),
        ("p07 nobody declares", " 1*off -> return(a) "),
        ("p07-callback", "callback"),
        ("p07-lines", "\n  off\n ->\n  panic\n"),
    ];
    assert_eq!(sorted(), expected.map(|(name, terms)| (name.to_owned(), terms.to_owned())));
    fail::remove("p07 nobody declares");
    fail::remove("p07-lines");
    fail::remove("p07 never armed");
    assert_eq!(sorted().len(), 2);
}

#[test]
fn the_last_writing_is_listed() {
    let _scenario = FailScenario::setup();
    for actions in [" off", "off", "off ", "return", " off"] {
        fail::cfg("p07", actions).unwrap();
        assert_eq!(fail::list(), [("p07".to_owned(), actions.to_owned())]);
    }
}

#[test]
fn a_refusal_changes_nothing() {
    let _scenario = FailScenario::setup();
    fail::cfg("p07", "return(1)").unwrap();
    assert!(fail::cfg("p07", "off->bogus").is_err());
    assert!(fail::cfg("p07-new", "bogus").is_err());
    assert_eq!(fail::list(), [("p07".to_owned(), "return(1)".to_owned())]);
}
