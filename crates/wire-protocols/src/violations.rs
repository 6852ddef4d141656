//! Constraints of a service's model, in the words in which AWS's front door refuses what breaks them: all that a request
//! violates together. Members are named as AWS prints them, with a small initial.

use std::fmt::Display;
use std::marker::PhantomData;

use wire_schema::ServiceError;

/// The code under which a service refuses.
pub trait RefusalCode {
    const CODE: &'static str;
}

macro_rules! refusal_codes {
    ($($code:ident)*) => {$(
        #[derive(Debug)]
        pub struct $code;

        impl RefusalCode for $code {
            const CODE: &'static str = stringify!($code);
        }
    )*};
}

refusal_codes! { ValidationException ValidationError InvalidParameterException }

/// What a request was found to violate so far.
#[derive(Debug)]
pub struct Violations<C> {
    texts: Vec<String>,
    code: PhantomData<C>,
}

impl<C> Default for Violations<C> {
    fn default() -> Self {
        Self { texts: Vec::new(), code: PhantomData }
    }
}

impl<C: RefusalCode> Violations<C> {
    /// Refuses the request when something was found.
    pub fn check(self) -> Result<(), ServiceError> {
        let what = match self.texts.len() {
            0 => return Ok(()),
            1 => "1 validation error".to_owned(),
            count => format!("{count} validation errors"),
        };
        Err(ServiceError::caller(C::CODE, format!("{what} detected: {}", self.texts.join("; "))))
    }

    /// For services that refuse at the first violation: checks one member alone.
    pub fn check_one(find: impl FnOnce(&mut Self)) -> Result<(), ServiceError> {
        let mut violations = Self::default();
        find(&mut violations);
        violations.check()
    }

    /// For services that refuse at the first violation: a member that must be there.
    pub fn present<T>(value: Option<T>, member: &str) -> Result<T, ServiceError> {
        value.ok_or_else(|| Self::only("null", member, ABSENT))
    }

    /// The refusal of a request that violates this rule and was asked for nothing else. `value` is in quotes, unless it is `null`.
    pub fn only(value: &str, member: &str, rule: &str) -> ServiceError {
        let text = violation(value, member, rule);
        ServiceError::caller(C::CODE, format!("1 validation error detected: {text}"))
    }

    pub fn add(&mut self, value: &str, member: &str, rule: &str) {
        self.texts.push(violation(value, member, rule));
    }

    pub fn required<T>(&mut self, value: Option<&T>, member: &str) {
        if value.is_none() {
            self.add("null", member, ABSENT);
        }
    }

    /// Characters of a text that may be left out.
    pub fn length(&mut self, text: Option<&str>, member: &str, min: usize, max: usize) {
        let Some(text) = text else { return };
        self.bounded("length", text.chars().count(), &format!("'{text}'"), member, (min, max));
    }

    /// Elements of a list.
    pub fn count(&mut self, count: usize, member: &str, min: usize, max: usize) {
        let shown = if count == 0 { "'[]'".to_owned() } else { format!("'[{count} elements]'") };
        self.bounded("length", count, &shown, member, (min, max));
    }

    /// A number that may be left out.
    pub fn in_range<T: PartialOrd + Display>(&mut self, value: Option<T>, member: &str, min: T, max: T) {
        let Some(value) = value else { return };
        let shown = format!("'{value}'");
        self.bounded("value", value, &shown, member, (min, max));
    }

    fn bounded<T: PartialOrd + Display>(
        &mut self,
        what: &str,
        measure: T,
        shown: &str,
        member: &str,
        (min, max): (T, T),
    ) {
        if measure < min {
            self.add(shown, member, &format!("Member must have {what} greater than or equal to {min}"));
        } else if measure > max {
            self.add(shown, member, &format!("Member must have {what} less than or equal to {max}"));
        }
    }

    /// A value that may be left out.
    pub fn one_of(&mut self, value: Option<&str>, member: &str, values: &[&str]) {
        if let Some(value) = value.filter(|value| !values.contains(value)) {
            let rule = format!("Member must satisfy enum value set: [{}]", values.join(", "));
            self.add(&format!("'{value}'"), member, &rule);
        }
    }

    /// `fits`: whether the text has the form of `pattern`.
    pub fn pattern(&mut self, fits: bool, text: &str, member: &str, pattern: &str) {
        if !fits {
            let rule = format!("Member must satisfy regular expression pattern: {pattern}");
            self.add(&format!("'{text}'"), member, &rule);
        }
    }
}

const ABSENT: &str = "Member must not be null";

fn violation(value: &str, member: &str, rule: &str) -> String {
    format!("Value {value} at '{member}' failed to satisfy constraint: {rule}")
}

#[cfg(test)]
mod tests {
    use super::*;

    type Checked = Violations<ValidationException>;

    #[track_caller]
    fn check(find: impl FnOnce(&mut Checked), value: &str, rule: &str) {
        let error = Checked::check_one(find).expect_err("it is violated");
        assert_eq!(error.code, "ValidationException");
        let rule = format!("failed to satisfy constraint: Member must {rule}");
        assert_eq!(error.message, format!("1 validation error detected: Value {value} at 'member' {rule}"));
    }

    #[test]
    fn each_constraint_has_its_words() {
        let at = "member";
        check(|one| one.required::<String>(None, at), "null", "not be null");
        check(|one| one.length(Some(""), at, 1, 2), "''", "have length greater than or equal to 1");
        check(|one| one.length(Some("äöü"), at, 1, 2), "'äöü'", "have length less than or equal to 2");
        check(|one| one.count(0, at, 1, 2), "'[]'", "have length greater than or equal to 1");
        check(|one| one.count(3, at, 0, 2), "'[3 elements]'", "have length less than or equal to 2");
        check(|one| one.in_range(Some(0), at, 1, 2), "'0'", "have value greater than or equal to 1");
        check(|one| one.in_range(Some(3_i64), at, 1, 2), "'3'", "have value less than or equal to 2");
        check(|one| one.one_of(Some("c"), at, &["a", "b"]), "'c'", "satisfy enum value set: [a, b]");
        let pattern = "satisfy regular expression pattern: [a-z]+";
        check(|one| one.pattern(false, "A", at, "[a-z]+"), "'A'", pattern);
        assert_eq!(
            Checked::present::<i32>(None, at).expect_err("it is absent").message,
            "1 validation error detected: Value null at 'member' failed to satisfy constraint: Member must not be null"
        );
        assert_eq!(Checked::present(Some(1), at).ok(), Some(1));
    }

    #[test]
    fn what_is_kept_is_no_violation() {
        let kept = Checked::check_one(|one| {
            one.required(Some(&1), "member");
            one.length(None, "member", 1, 2);
            one.length(Some("äö"), "member", 1, 2);
            one.count(2, "member", 1, 2);
            one.in_range::<i32>(None, "member", 1, 2);
            one.in_range(Some(1), "member", 1, 2);
            one.one_of(None, "member", &[]);
            one.one_of(Some("a"), "member", &["a"]);
            one.pattern(true, "a", "member", "[a-z]+");
        });
        assert!(kept.is_ok());
    }

    #[test]
    fn violations_are_told_together() {
        let mut violations = Violations::<InvalidParameterException>::default();
        violations.required::<String>(None, "a");
        violations.in_range(Some(9), "b", 1, 2);
        let error = violations.check().expect_err("both are wrong");
        assert_eq!(error.code, "InvalidParameterException");
        assert_eq!(
            error.message,
            "2 validation errors detected: Value null at 'a' failed to satisfy constraint: Member must not be null; \
             Value '9' at 'b' failed to satisfy constraint: Member must have value less than or equal to 2"
        );
    }
}
