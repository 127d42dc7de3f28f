//! The URL space of the server: which target means what, and the forms of `Location`.
//!
//! Pure text; whether an upload exists is the store's business.

use crate::fault::LocationForm;

/// What a request target names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Route {
    /// The creation URL.
    Collection,
    Upload(String),
    Nothing,
}

/// Where the server is found.
#[derive(Debug, Clone)]
pub(crate) struct Urls {
    /// `http://127.0.0.1:1234`
    pub(crate) origin: String,
    /// `/files/`
    pub(crate) base: String,
}

impl Urls {
    /// What a target names; absolute targets are understood too.
    pub(crate) fn route(&self, target: &str) -> Route {
        let path = target.strip_prefix(&self.origin).unwrap_or(target);
        if path == "*" {
            return Route::Collection;
        }
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let base = self.base.trim_end_matches('/');
        let Some(rest) = path.strip_prefix(base) else {
            return Route::Nothing;
        };
        let id = rest.strip_prefix('/').unwrap_or(rest);
        if id.is_empty() {
            let named = query.split('&').find_map(|part| part.strip_prefix("id="));
            return named.map_or(Route::Collection, |id| Route::Upload(id.into()));
        }
        if !rest.starts_with('/') || id.contains('/') {
            return Route::Nothing;
        }
        Route::Upload(id.into())
    }

    /// The upload a URL in `Upload-Concat` names (T-122).
    pub(crate) fn part(&self, url: &str) -> Option<String> {
        match self.route(url) {
            Route::Upload(id) => Some(id),
            _ => None,
        }
    }

    /// The path of an upload.
    pub(crate) fn path(&self, id: &str) -> String {
        format!("{}{id}", self.base)
    }

    /// The values `Location` has in a 201; none, one or two.
    pub(crate) fn locations(&self, form: &LocationForm, id: &str, target: &str) -> Vec<String> {
        let path = self.path(id);
        let absolute = format!("{}{path}", self.origin);
        let authority = self.origin.split_once("//").map_or("", |(_, host)| host);
        let target_path = target.split('?').next().unwrap_or_default();
        let last = self.base.trim_matches('/').rsplit('/').next();
        let last = last.unwrap_or_default();
        let one = match form {
            LocationForm::Absolute => absolute,
            LocationForm::PathAbsolute => path,
            // Relative to `/files` the last segment is replaced, relative to `/files/` not.
            LocationForm::Relative if target_path.ends_with('/') => id.to_owned(),
            LocationForm::Relative => format!("{last}/{id}"),
            LocationForm::DotDot => format!("../{last}/{id}"),
            LocationForm::SchemeRelative => format!("//{authority}{path}"),
            LocationForm::Query => format!("?id={id}"),
            LocationForm::Fragment => format!("{absolute}#frag"),
            LocationForm::Spaced => format!("  {absolute}  "),
            LocationForm::Missing => return Vec::new(),
            LocationForm::Empty => String::new(),
            LocationForm::Twice => return vec![absolute.clone(), absolute],
            LocationForm::TwoDifferent => {
                return vec![absolute.clone(), format!("{absolute}x")];
            }
            LocationForm::Other(text) => {
                text.replace("{id}", id).replace("{path}", &path).replace("{origin}", &self.origin)
            }
        };
        vec![one]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn urls() -> Urls {
        Urls { origin: "http://h:1".into(), base: "/a/files/".into() }
    }

    #[test]
    fn targets() {
        let route = |target| urls().route(target);
        assert_eq!(route("/a/files/"), Route::Collection);
        assert_eq!(route("/a/files"), Route::Collection);
        assert_eq!(route("*"), Route::Collection);
        assert_eq!(route("/a/files/x"), Route::Upload("x".into()));
        assert_eq!(route("/a/files/x?y=z"), Route::Upload("x".into()));
        assert_eq!(route("/a/files/?b&id=x"), Route::Upload("x".into()));
        assert_eq!(route("http://h:1/a/files/x"), Route::Upload("x".into()));
        assert_eq!(route("/a/files/x/y"), Route::Nothing);
        assert_eq!(route("/a/filesx"), Route::Nothing);
        assert_eq!(route("/"), Route::Nothing);
    }

    #[test]
    fn location_forms() {
        let one = |form| urls().locations(&form, "x", "/a/files/").join("|");
        assert_eq!(one(LocationForm::Relative), "x");
        assert_eq!(one(LocationForm::DotDot), "../files/x");
        assert_eq!(one(LocationForm::SchemeRelative), "//h:1/a/files/x");
        assert_eq!(one(LocationForm::Missing), "");
        assert!(one(LocationForm::TwoDifferent).ends_with("/x|http://h:1/a/files/xx"));
        let other = LocationForm::Other("{origin}/b{path}".into());
        assert_eq!(one(other), "http://h:1/b/a/files/x");
        let short = urls().locations(&LocationForm::Relative, "x", "/a/files");
        assert_eq!(short, ["files/x"]);
    }
}
