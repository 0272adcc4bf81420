//! Serializes a list of points.
//!
//! The result is the same as for [`Points`](crate::wire::Points), but only one point exists at a time. A
//! list of ten thousand points is the longest work that one request does.

use super::shape;
use failpoint::__bridge::control::PointView;
use serde::{Serialize, Serializer};

/// As [`Points`](crate::wire::Points).
#[derive(Serialize)]
pub(super) struct List<'a> {
    pub(super) revision: u64,
    #[serde(serialize_with = "each")]
    pub(super) points: &'a [PointView],
}

fn each<S: Serializer>(points: &[PointView], to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(points.iter().map(|point| shape::point(point.info())))
}

#[cfg(test)]
mod tests {
    use super::List;
    use crate::http::v1::shape;
    use crate::wire::Points;
    use failpoint::__bridge::control::{self, PointView, point_elsewhere};
    use failpoint::{fail_point, fail_value};

    fn pass() -> u64 {
        fail_point!("list/two");
        fail_point!("list/two", |_| 1);
        fail_value!("list/value", u64).unwrap_or(2)
    }

    /// The types in `wire` define the format: this module must write the same.
    #[test]
    fn a_list_is_written_as_the_types_of_the_wire_are() {
        failpoint::arm("list/value", "1*return(7)->off").unwrap().keep();
        failpoint::arm_unlisted("list/unlisted", r#"print("\\n\"é")"#).unwrap().keep();
        assert_eq!((pass(), pass()), (7, 2));
        let mut points = control::listing().made;
        points.retain(|point| point.name().starts_with("list/"));
        let odd = point_elsewhere("fail/a \"b\"\n".to_owned(), Some("return(\t)".to_owned()));
        points.push(PointView::of_another(odd));
        assert_eq!(points.len(), 4);
        for points in [&points[..], &points[..1], &[]] {
            let wire = Points {
                revision: 3,
                points: points.iter().map(|point| shape::point(point.info())).collect(),
            };
            let expected = serde_json::to_string(&wire).unwrap();
            assert_eq!(serde_json::to_string(&List { revision: 3, points }).unwrap(), expected);
        }
        let fired = points.iter().find(|point| point.name() == "list/value").unwrap().info();
        assert!(fired.fires == 2 && fired.last_fire.is_some(), "{fired:?}");
    }
}
