//! How is a list of points written?
//!
//! As [`wire::Points`](crate::wire::Points), but without making one. A list of ten thousand points is
//! the longest thing that one request does, and most of it is keys that are the same every time.

use super::shape;
use failpoint::__private::control::PointView;
use failpoint::{PointInfo, SiteInfo};
use serde::Serialize;

/// What one point takes, about.
const ROOM: usize = 384;

/// The JSON, without a line end.
pub(super) fn written(revision: u64, points: &[PointView]) -> Vec<u8> {
    let mut text = Text(Vec::with_capacity(points.len() * ROOM));
    text.key("{\"revision\":").value(&revision).key(",\"points\":[");
    text.each(points, |text, point| text.point(&point.info()));
    text.key("]}");
    text.0
}

struct Text(Vec<u8>);

impl Text {
    /// Keys, and what stands around them, as they are.
    fn key(&mut self, json: &'static str) -> &mut Self {
        self.0.extend_from_slice(json.as_bytes());
        self
    }

    fn value(&mut self, value: &(impl Serialize + ?Sized)) -> &mut Self {
        // Writing to memory cannot fail, nor can numbers and texts.
        let _ = serde_json::to_writer(&mut self.0, value);
        self
    }

    fn each<T>(&mut self, all: &[T], write: impl Fn(&mut Self, &T)) {
        for (index, one) in all.iter().enumerate() {
            if index > 0 {
                self.key(",");
            }
            write(self, one);
        }
    }

    fn point(&mut self, point: &PointInfo) {
        self.key("{\"name\":").value(&point.name).key(",\"sites\":[");
        self.each(&point.sites, Self::site);
        self.key("],\"accepts\":").value(&shape::accepted(&point.sites));
        self.key(",\"terms\":").value(&point.terms);
        self.key(",\"armed\":").value(&point.terms.is_some());
        self.key(",\"generation\":").value(&point.generation);
        self.key(",\"hits\":").value(&point.hits);
        self.key(",\"fires\":").value(&point.fires);
        self.key(",\"paused\":").value(&point.paused);
        self.key(",\"last_fire\":").value(&point.last_fire.map(shape::time)).key("}");
    }

    fn site(&mut self, site: &SiteInfo) {
        self.key("{\"file\":").value(site.file);
        self.key(",\"line\":").value(&site.line);
        self.key(",\"module\":").value(site.module);
        self.key(",\"package\":").value(site.package);
        self.key(",\"kind\":").value(site.kind);
        self.key(",\"accepts\":").value(&site.accepts);
        self.key(",\"reached\":").value(&site.reached).key("}");
    }
}

#[cfg(test)]
mod tests {
    use super::written;
    use crate::v1::shape;
    use crate::wire::Points;
    use failpoint::__private::control::{self, PointView, point_elsewhere};
    use failpoint::{fail_point, fail_value};

    fn pass() -> u64 {
        fail_point!("list/two");
        fail_point!("list/two", |_| 1);
        fail_value!("list/value", u64).unwrap_or(2)
    }

    /// The types of the wire are the one description: what is written here is what they write.
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
            assert_eq!(String::from_utf8(written(3, points)).unwrap(), expected);
        }
        let fired = points.iter().find(|point| point.name() == "list/value").unwrap().info();
        assert!(fired.fires == 2 && fired.last_fire.is_some(), "{fired:?}");
    }
}
