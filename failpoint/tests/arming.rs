//! What is refused when it is armed, and what does a refusal leave?
// Miri has no linker's list, so a point cannot be armed before its first hit: see tests/late.rs.
#![cfg(all(feature = "failpoints", not(miri)))]

use failpoint::{
    Error, Scope, arm, arm_all, arm_unlisted, disarm, fail_point, fail_result, fail_value,
    failpoint, point,
};

#[allow(dead_code)]
fn sites() {
    fn typed() -> u64 {
        fail_point!("refuse/typed", |v: u64| v);
        0
    }
    fn untyped() -> Option<String> {
        fail_point!("refuse/text", |v| v);
        None
    }
    fail_point!("refuse/plain");
    let _ =
        (typed(), untyped(), fail_value!("refuse/unit"), fail_value!("refuse/option", Option<u8>));
    let _ = fail_result!("refuse/result");
    let _ = fail_value!("refuse/io", std::io::Error);
    // One name, two sites that do not take the same.
    fail_point!("refuse/mixed");
    let _ = fail_value!("refuse/mixed", u64);
    // One name, two sites that do not pass the same.
    fail_point!("refuse/keys", region = 7, r#type = "put");
    let _ = fail_value!("refuse/keys", if true, store = 1, region = 7);
}

#[failpoint("refuse/attribute", peer = peer)]
#[allow(dead_code)]
async fn marked(peer: u64) {}

fn refusal(name: &str, terms: &str) -> Error {
    arm(name, terms).unwrap_err()
}

#[test]
fn unknown_names_are_refused_with_the_nearest() {
    let Error::UnknownPoint { nearest, .. } = refusal("refuse/plane", "panic") else { panic!() };
    assert_eq!(nearest.first().map(String::as_str), Some("refuse/plain"));
    assert!(matches!(disarm("refuse/nobody"), Err(Error::UnknownPoint { .. })));
    assert!(matches!(point("refuse/nobody"), Err(Error::UnknownPoint { .. })));
}

#[test]
fn what_a_site_cannot_take_is_refused() {
    assert!(matches!(refusal("refuse/plain", "return"), Error::CannotReturn { .. }));
    assert!(matches!(refusal("refuse/plain", "off->return(1)"), Error::CannotReturn { .. }));
    let Error::BadValue { at, expected, got, .. } = refusal("refuse/typed", "return(x)") else {
        panic!()
    };
    assert!(at.contains("arming.rs:"), "{at}");
    assert_eq!(expected, "an integer from 0 to 18446744073709551615 (u64)");
    assert_eq!(got, "return(x)");
    assert!(matches!(refusal("refuse/typed", "return"), Error::BadValue { .. }));
    assert!(matches!(refusal("refuse/option", "return(300)"), Error::BadValue { .. }));
    assert!(matches!(refusal("refuse/mixed", "return(1)"), Error::CannotReturn { .. }));
}

#[test]
fn a_when_with_a_key_that_no_site_passes_is_refused_with_the_nearest() {
    for (name, terms, unknown, meant, passed) in [
        ("refuse/keys", "when(regoin=7):off", "regoin", Some("region"), "region store type"),
        ("refuse/keys", "when(region=7,stroe~1*):off", "stroe", Some("store"), "region store type"),
        ("refuse/keys", "off->when(x!=7):panic", "x", None, "region store type"),
        ("refuse/keys", "when(thred=main):off", "thred", Some("thread"), "region store type"),
        ("refuse/attribute", "when(per=7):off", "per", Some("peer"), "peer"),
        ("refuse/plain", "when(id=7):off", "id", None, ""),
    ] {
        let refusal = refusal(name, terms);
        let Error::UnknownKey { name: of, key, nearest, keys, .. } = &refusal else {
            panic!("{refusal}")
        };
        assert_eq!(
            (&**of, &**key, nearest.as_deref(), keys.join(" ")),
            (name, unknown, meant, passed.to_owned())
        );
        let text = refusal.to_string();
        assert!(
            text.contains(&format!("no site of the failpoint `{name}` passes `{key}`")),
            "{text}"
        );
        assert_eq!(text.contains("did you mean"), meant.is_some(), "{text}");
    }
    assert!(refusal("refuse/plain", "when(id=7):off").to_string().contains("id = …"));
    assert!(Scope::new().arm("refuse/keys", "when(regoin=7):off").is_err());
    // Each of a config's faults is told.
    let config = "refuse/keys=when(x=1):off;refuse/plain=when(x=1):return";
    let Err(Error::Config(errors)) = arm_all(config) else { panic!() };
    assert_eq!(errors.len(), 3, "{errors:?}");
}

#[test]
fn a_when_with_a_key_that_one_site_passes_is_armed() {
    for terms in ["when(store=1):off", "when(type=put,region=7):off", "when(thread=x,scope=y):off"]
    {
        drop(arm("refuse/keys", terms).unwrap_or_else(|error| panic!("{terms}: {error}")));
    }
    // For a site that the list lacks.
    drop(arm_unlisted("refuse/keys", "when(still_to_come=1):off").unwrap());
    drop(arm_unlisted("refuse/not-listed", "when(still_to_come=1):off").unwrap());
}

#[test]
fn a_site_tells_the_keys_that_it_passes() {
    let keys = |name: &str| {
        let sites = point(name).unwrap().sites;
        sites.iter().map(|site| site.keys.join(" ")).collect::<Vec<_>>()
    };
    let mut both = keys("refuse/keys");
    both.sort();
    assert_eq!(both, ["region type", "store region"]);
    assert_eq!(keys("refuse/plain"), [""]);
}

#[test]
fn a_raw_identifier_is_filtered_by_its_word() {
    fn site(r#type: &str) {
        fail_point!("refuse/raw", r#type = r#type);
    }
    let armed = arm("refuse/raw", "when(type=put):off").unwrap();
    site("put");
    site("get");
    assert_eq!(armed.hits(), 1);
}

#[test]
fn a_word_that_looks_like_an_errno_and_is_none_is_refused_with_the_nearest() {
    for (name, terms, nearest) in [
        ("refuse/result", "return(EXYZ)", "EXDEV"),
        ("refuse/result", "1*off->sleep(1)&return(ENOSPCC)", "ENOSPC"),
        ("refuse/io", "return(ETIMEOUT)", "ETIMEDOUT"),
    ] {
        let Error::BadValue { expected, .. } = refusal(name, terms) else { panic!("{terms}") };
        assert!(expected.contains(&format!("the nearest is {nearest}")), "{expected}");
    }
    for name in ["refuse/result", "refuse/io"] {
        for value in
            ["EIO", "ENOTSOCK", "\"EXPIRED\"", "`EXPIRED`", "expired", "E_EXPIRED", "Expired"]
        {
            let armed = arm(name, &format!("return({value})"));
            drop(armed.unwrap_or_else(|error| panic!("{value}: {error}")));
        }
    }
    // To sites that take any text no text looks like an errno.
    drop(arm("refuse/text", "return(EXYZ)").unwrap());
}

#[test]
fn quoted_text_is_the_message_of_the_error() {
    fn site() -> std::io::Result<()> {
        Ok(fail_result!("refuse/message")?)
    }
    let _armed = arm("refuse/message", "return(\"EXPIRED\")").unwrap();
    let error = site().unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::Other);
    assert!(error.to_string().contains("EXPIRED"), "{error}");
}

#[test]
fn what_a_site_takes_is_armed() {
    for (name, terms) in [
        ("refuse/typed", "return(18446744073709551615)"),
        ("refuse/text", "return"),
        ("refuse/text", "return()"),
        ("refuse/unit", "return"),
        ("refuse/unit", "return(anything)"),
        ("refuse/option", "return"),
        ("refuse/option", "return(3)"),
        ("refuse/result", "return(whatever)"),
        ("refuse/mixed", "sleep(1)"),
    ] {
        let armed = arm(name, terms).unwrap_or_else(|error| panic!("{name}={terms}: {error}"));
        assert_eq!(armed.terms(), terms);
    }
}

#[test]
fn a_refusal_changes_nothing() {
    fn site() {
        fail_point!("refuse/unchanged");
    }
    let armed = arm("refuse/unchanged", "off").unwrap();
    site();
    assert!(arm("refuse/unchanged", "retrun").is_err());
    assert!(arm("refuse/unchanged", "return").is_err());
    assert_eq!((armed.hits(), armed.terms()), (1, "off"));
    assert_eq!(point("refuse/unchanged").unwrap().generation, armed.generation());
}

#[test]
fn a_config_is_applied_whole_or_not_at_all() {
    fn sites() {
        fail_point!("bulk/a");
        fail_point!("bulk/b");
    }
    let armed = arm("bulk/a", "print(before)").unwrap();
    let Err(Error::Config(errors)) =
        arm_all("bulk/a=off; bulk/b=retrun; bulk/c=off; bulk/b=return")
    else {
        panic!()
    };
    assert!(!errors.is_empty());
    assert!(point("bulk/b").unwrap().terms.is_none());
    assert_eq!(point("bulk/a").unwrap().terms.as_deref(), Some("print(before)"));
    drop(armed);
    let Err(Error::Config(errors)) = arm_all("bulk/a=return;bulk/zzz=off") else { panic!() };
    assert_eq!(errors.len(), 2, "{errors:?}");

    // Also where one does not parse, and another parses and is refused.
    let Err(Error::Config(errors)) = arm_all("bulk/a=retrun;bulk/zzz=off;bulk/b=return") else {
        panic!()
    };
    assert_eq!(errors.len(), 3, "{errors:?}");

    let both = arm_all("bulk/a = 1*off ; bulk/b=off;").unwrap();
    sites();
    assert_eq!(both.iter().map(|armed| armed.fires()).collect::<Vec<_>>(), [1, 1]);
}

#[test]
fn names_are_checked() {
    for name in ["", "a b", "/a", "a/count", "v1/x", "failpoints"] {
        assert!(matches!(arm_unlisted(name, "off"), Err(Error::BadName { .. })), "{name}");
    }
}

#[test]
fn an_unlisted_name_is_armed_on_purpose() {
    let armed = arm_unlisted("nobody/declares-this", "return(5)").unwrap();
    assert_eq!(point("nobody/declares-this").unwrap().sites, []);
    drop(armed);
    assert!(point("nobody/declares-this").is_err(), "it is gone with its arming");
}

#[test]
fn wait_must_name_another_point_that_exists() {
    fn sites() {
        fail_point!("order/a");
        fail_point!("order/b");
    }
    let _ = sites;
    assert!(matches!(refusal("order/a", "wait(order/a)"), Error::WaitsForItself { .. }));
    assert!(matches!(refusal("order/a", "wait(order/zzz)"), Error::UnknownPoint { .. }));
    assert!(arm("order/a", "wait(order/b)").is_ok());
}

#[test]
fn generations_belong_to_their_guard() {
    fn site() {
        fail_point!("generation");
    }
    let first = arm("generation", "off").unwrap();
    site();
    let second = arm("generation", "off").unwrap();
    site();
    site();
    assert_eq!((first.hits(), second.hits()), (1, 2), "counts start at zero and stay apart");
    assert!(second.generation() > first.generation());
    drop(first);
    assert!(point("generation").unwrap().terms.is_some(), "an old guard ends nothing");
    second.keep();
    assert!(disarm("generation").unwrap());
    assert!(!disarm("generation").unwrap());
}

#[test]
fn text_is_kept_as_written() {
    fn site() {
        fail_point!("text");
    }
    let _ = site;
    let armed = arm("text", "  50 % 2 * sleep( 10 )  ").unwrap();
    assert_eq!(armed.terms(), "50 % 2 * sleep( 10 )");
    let armed = arm("text", "1*off\n->sleep(10)\n").unwrap();
    assert_eq!(armed.terms(), "1*off->sleep(10ms)", "canonical where it holds a line end");
}

#[test]
fn sites_are_listed_with_their_place() {
    let typed = point("refuse/typed").unwrap();
    assert_eq!(typed.sites.len(), 1);
    let site = &typed.sites[0];
    assert!(site.file.ends_with("arming.rs"));
    assert_eq!((site.kind, site.accepts, site.reached), ("closure", Some("u64"), false));
    assert_eq!((site.package, site.module), ("failpoint", "arming"));
    assert_eq!(point("refuse/mixed").unwrap().sites.len(), 2);
}
