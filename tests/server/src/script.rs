//! The script: rules in order, each with what is left of its count.
//!
//! Picks the rule for a request or a connection; never looks at what the rule does.

use std::sync::Mutex;

use crate::control::held;
use crate::fault::Fault;
use crate::head::Head;
use crate::rule::Rule;

/// The rules of one server.
#[derive(Default)]
pub(crate) struct Script(Mutex<Vec<Rule>>);

impl Script {
    pub(crate) fn push(&self, rule: Rule) {
        held(&self.0).push(rule);
    }

    pub(crate) fn clear(&self) {
        held(&self.0).clear();
    }

    /// Rules that still wait for something to happen to.
    pub(crate) fn pending(&self) -> usize {
        let rules = held(&self.0);
        let due = rules.iter().filter(|r| r.times > 0 && r.times < u32::MAX);
        due.count()
    }

    /// What goes wrong with this request.
    pub(crate) fn for_request(&self, head: &Head, method: &str) -> Fault {
        self.take(|rule| rule.when.matches(head, method)).unwrap_or_default()
    }

    /// What goes wrong with this connection.
    pub(crate) fn for_connection(&self) -> Option<Fault> {
        self.take(|rule| rule.when.connection)
    }

    /// The first rule that is meant and due; rules that are skipped count down.
    fn take(&self, meant: impl Fn(&Rule) -> bool) -> Option<Fault> {
        let mut rules = held(&self.0);
        for rule in rules.iter_mut().filter(|r| r.times > 0 && meant(r)) {
            if rule.when.skip > 0 {
                rule.when.skip -= 1;
                continue;
            }
            if rule.times < u32::MAX {
                rule.times -= 1;
            }
            return Some(rule.fault.clone());
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(method: &str, target: &str) -> Head {
        Head::parse(format!("{method} {target} HTTP/1.1\r\n\r\n").as_bytes()).unwrap()
    }

    #[test]
    fn rules_apply_in_order_and_run_out() {
        let script = Script::default();
        script.push(Rule::on("PATCH").times(2).reply(503));
        script.push(Rule::on("PATCH").path("/b").nth(2).reply(404));
        let status = |target: &str| {
            let fault = script.for_request(&head("PATCH", target), "PATCH");
            format!("{:?}", fault.answer)
        };
        assert_eq!(status("/a"), "Reply(503)");
        assert_eq!(status("/b"), "Reply(503)");
        assert_eq!(status("/b"), "Normal");
        assert_eq!(status("/a"), "Normal");
        assert_eq!(status("/b"), "Reply(404)");
        assert_eq!(script.pending(), 0);
    }

    #[test]
    fn connection_rules_leave_requests_alone() {
        let script = Script::default();
        script.push(Rule::on_connection().ending(crate::Ending::Rst));
        let request = script.for_request(&head("HEAD", "/"), "HEAD");
        assert_eq!(request, Fault::default());
        assert!(script.for_connection().is_some());
        assert!(script.for_connection().is_none());
    }
}
