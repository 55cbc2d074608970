//! Redirects of single paths (spec 3.3).

use super::Reader;
use crate::{
    diagnostic::Severity,
    fields::Fields,
    model::{Expires, PartialRedirect, RedirectFrom},
    yaml::{Entry, Node},
};
use regex::Regex;

pub const KEYS: [&str; 6] = ["to", "regexp", "prefix", "append_suffix", "code", "expires"];
pub const CODES: [u64; 4] = [301, 302, 307, 308];
/// Most redirects of all routes together.
pub const MOST: usize = 50_000;

impl Reader<'_> {
    /// `redirects` of a route.
    pub fn partial_redirects(&mut self, route: &Fields<'_>) -> Vec<PartialRedirect> {
        let Some(node) = route.get("redirects") else {
            return Vec::new();
        };
        let known = ["expires", "paths"];
        let fields = Fields::read(node, "`redirects`", &known, Severity::Warning, self.report);
        let expires = self.expires(&fields);
        let entries = fields.mapping("paths", self.report);
        let redirects = entries
            .iter()
            .filter_map(|entry| self.partial_redirect(entry, expires));
        redirects.collect()
    }

    fn partial_redirect(&mut self, entry: &Entry, inherited: Option<Expires>) -> Option<PartialRedirect> {
        let fields = Fields::read(&entry.value, "a redirect", &KEYS, Severity::Warning, self.report);
        let from = self.redirect_from(entry, &fields);
        let to = self.redirect_to(&fields);
        let code = fields.number("code", self.report).unwrap_or(302);
        if !CODES.contains(&code) {
            let span = &fields.get("code")?.span;
            let finding = self
                .report
                .error("wrong-value", span, format!("{code} is no redirect's code"));
            finding.help("the codes are 301, 302, 307 and 308");
        }
        let expires = match self.expires(&fields).or(inherited) {
            Some(Expires::AfterMillis(millis)) => Some(millis / 1000),
            Some(Expires::Never) | None => None,
        };
        Some(PartialRedirect {
            from: from?,
            to: to?,
            code: u16::try_from(code).ok()?,
            expires,
        })
    }

    fn redirect_from(&mut self, entry: &Entry, fields: &Fields<'_>) -> Option<RedirectFrom> {
        let text = entry.key.text.clone();
        let prefix = fields.truth("prefix", self.report).unwrap_or(true);
        let append_suffix = fields.truth("append_suffix", self.report).unwrap_or(true);
        if fields.truth("regexp", self.report) == Some(true) {
            if let Err(error) = Regex::new(&text) {
                let reason = error.to_string();
                let reason = reason.lines().last().unwrap_or_default();
                let message = format!("`{text}` is no regular expression that can be used: {reason}");
                let finding = self.report.error("bad-pattern", &entry.key.span, message);
                finding.help("look-around and references back are not known here");
                return None;
            }
            return Some(RedirectFrom::Pattern(text));
        }
        if !text.starts_with('/') {
            let message = format!("`{text}` is no URL path");
            let finding = self.report.error("wrong-value", &entry.key.span, message);
            finding.help("begin it with `/`, or say `regexp: true`");
            return None;
        }
        self.is_one_line(&text, &entry.key.span, "a path")
            .then_some(match prefix {
                true => RedirectFrom::Below {
                    path: text,
                    append_suffix,
                },
                false => RedirectFrom::Path(text),
            })
    }

    fn redirect_to(&mut self, fields: &Fields<'_>) -> Option<String> {
        let to = fields.required_text("to", self.report)?;
        let node: &Node = fields.get("to")?;
        let starts = ["/", "http://", "https://"];
        if !starts.iter().any(|start| to.starts_with(start)) {
            let message = format!("`{to}` is neither a path nor an absolute URL");
            let finding = self.report.error("redirect-target", &node.span, message);
            finding.help("write `/path`, `https://www.{default}/path` or `https://example.com/`");
            return None;
        }
        self.is_one_line(&to, &node.span, "`to`").then_some(to)
    }
}
