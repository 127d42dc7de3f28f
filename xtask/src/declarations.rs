//! Reads from a C header what it declares: functions and constants, with their places.
//!
//! It knows as much C as a library's header has: comments, preprocessor lines, `extern "C"` blocks, types with bodies,
//! attributes before a function. It does not expand macros or follow `#if`: every branch counts.

/// What a header declares.
#[derive(Debug, Default)]
pub(crate) struct Declarations {
    /// The functions, in the header's order.
    pub(crate) functions: Vec<Function>,
    /// The object-like macros that have a value, in the header's order.
    pub(crate) constants: Vec<Constant>,
    /// The header without comments, preprocessor lines and what is inside quotes.
    pub(crate) code: String,
}

/// One function declaration.
#[derive(Debug, PartialEq)]
pub(crate) struct Function {
    /// Its name.
    pub(crate) name: String,
    /// The declaration from its first word to the parenthesis that closes its parameters, on one line.
    pub(crate) signature: String,
    /// Whether a comment ends right before it.
    pub(crate) documented: bool,
}

/// One `#define NAME VALUE`.
#[derive(Debug, PartialEq)]
pub(crate) struct Constant {
    /// Its name.
    pub(crate) name: String,
    /// The rest of the line, comments and what is inside quotes removed.
    pub(crate) value: String,
}

/// Reads a header.
pub(crate) fn read(header: &str) -> Declarations {
    let without_comments = blank_comments(header);
    let (code, constants) = blank_preprocessor(&without_comments);
    let functions = statements(&code)
        .into_iter()
        .filter_map(|(at, statement)| {
            let (name, signature) = function(statement)?;
            Some(Function { name, signature, documented: header[..at].trim_end().ends_with("*/") })
        })
        .collect();
    Declarations { functions, constants, code }
}

/// Replaces comments and what is inside quotes by blanks of the same length, so that places stay what they are and no
/// bracket or semicolon of theirs counts.
fn blank_comments(text: &str) -> String {
    let mut blanked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let comment = comment_length(rest);
        if comment > 0 {
            push_blank(&mut blanked, &rest[..comment]);
            rest = &rest[comment..];
            continue;
        }
        blanked.push(first);
        rest = &rest[first.len_utf8()..];
        if first == '"' || first == '\'' {
            let inside = quoted_length(rest, first);
            push_blank(&mut blanked, &rest[..inside]);
            rest = &rest[inside..];
            if rest.starts_with(first) {
                blanked.push(first);
                rest = &rest[1..];
            }
        }
    }
    blanked
}

/// The length of the comment that the text begins with, 0 for none.
fn comment_length(text: &str) -> usize {
    if text.starts_with("//") {
        text.find('\n').unwrap_or(text.len())
    } else if let Some(inside) = text.strip_prefix("/*") {
        inside.find("*/").map_or(text.len(), |end| end + "/**/".len())
    } else {
        0
    }
}

/// The length of what is before the closing quote.
fn quoted_length(text: &str, quote: char) -> usize {
    let mut escaped = false;
    let closing = text.char_indices().find(|&(_, character)| {
        let closes = character == quote && !escaped;
        escaped = character == '\\' && !escaped;
        closes
    });
    closing.map_or(text.len(), |(at, _)| at)
}

fn push_blank(text: &mut String, replaced: &str) {
    text.extend(replaced.bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }));
}

/// Replaces preprocessor lines by blanks, and collects the constants they define.
fn blank_preprocessor(text: &str) -> (String, Vec<Constant>) {
    let mut code = String::with_capacity(text.len());
    let mut constants = Vec::new();
    let mut goes_on = false;
    for line in text.split_inclusive('\n') {
        if goes_on || line.trim_start().starts_with('#') {
            constants.extend(if goes_on { None } else { constant(line) });
            goes_on = line.trim_end().ends_with('\\');
            push_blank(&mut code, line);
        } else {
            code.push_str(line);
        }
    }
    (code, constants)
}

fn constant(line: &str) -> Option<Constant> {
    let rest = line.trim().strip_prefix('#')?.trim_start().strip_prefix("define")?.trim_start();
    let (name, value) = rest.split_at(rest.find(|c: char| !is_word(c))?);
    let value = value.strip_prefix(char::is_whitespace)?.trim();
    (!value.is_empty()).then(|| Constant { name: name.to_owned(), value: value.to_owned() })
}

/// The statements at the outermost level, each with the place of its first character.
fn statements(code: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let (mut begin, mut depth) = (0, 0);
    for (at, character) in code.char_indices() {
        let so_far = code[begin..at].trim();
        match character {
            '{' if depth == 0 && so_far.starts_with("extern") && !so_far.contains('(') => begin = at + 1,
            '{' => depth += 1,
            '}' if depth == 0 => begin = at + 1,
            '}' => {
                depth -= 1;
                // The body of an inline function: no semicolon follows.
                if depth == 0 && so_far.starts_with("static") {
                    begin = at + 1;
                }
            }
            ';' if depth == 0 => {
                let blanks = code[begin..at].len() - code[begin..at].trim_start().len();
                found.push((begin + blanks, so_far));
                begin = at + 1;
            }
            _ => {}
        }
    }
    found
}

/// The name and the signature, if the statement declares a function.
fn function(statement: &str) -> Option<(String, String)> {
    if statement.starts_with("typedef") || statement.contains('{') {
        return None;
    }
    let mut from = 0;
    loop {
        let open = from + statement[from..].find('(')?;
        let close = open + closing(&statement[open..])?;
        let before = statement[..open].trim_end();
        let name = &before[before.rfind(|c: char| !is_word(c)).map_or(0, |at| at + 1)..];
        if name.is_empty() {
            return None;
        }
        if !is_attribute(name) {
            let words: Vec<&str> = statement[..=close].split_whitespace().collect();
            return Some((name.to_owned(), words.join(" ")));
        }
        from = close + 1;
    }
}

/// Where the parenthesis that the text begins with is closed.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0;
    text.char_indices().find_map(|(at, character)| {
        depth += match character {
            '(' => 1,
            ')' => -1,
            _ => 0,
        };
        (depth == 0).then_some(at)
    })
}

fn is_attribute(name: &str) -> bool {
    name == "__attribute__" || name == "__declspec" || !name.contains(|c: char| c.is_ascii_lowercase())
}

fn is_word(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = r#"
/* tus.h; not a function(void); */
#ifndef TUS_H
#define TUS_H
#include <stdint.h>
#define TUS_VERSION_MAJOR 0 /* major */
#define TUS_SIZE_UNKNOWN UINT64_MAX
#define TUS_NOTE(text) __attribute__((deprecated(text)))
#define TUS_LONG (1 + \
    2)
#ifdef __cplusplus
extern "C" {
#endif
/** A type. */
typedef struct tus_client tus_client;
typedef int32_t (*tus_fn)(void *user_data, int32_t (*inner)(void));
enum tus_code { TUS_OK = 0, TUS_E = -1 };
struct tus_record { size_t struct_size; void (*call)(void *); };
/**
 * Makes one; see tus_other(x).
 */
TUS_NOTE("use tus_b(1); not this")
struct tus_client *tus_client_new(const char *name,
                                  tus_fn call, int32_t (*raw)(void *));

int32_t tus_bare(void);
static inline int tus_inline(int a) { return a; }
// ends a line /* not a comment
/** Last. */
__attribute__((warn_unused_result)) uint32_t tus_last(void) __attribute__((cold));
#ifdef __cplusplus
}
#endif
#endif
"#;

    #[test]
    fn functions_are_found_by_name_and_no_others() {
        let names: Vec<String> = read(HEADER).functions.into_iter().map(|function| function.name).collect();
        assert_eq!(names, ["tus_client_new", "tus_bare", "tus_last"]);
    }

    #[test]
    fn a_signature_ends_with_its_parameters() {
        let functions = read(HEADER).functions;
        assert_eq!(
            functions[0].signature,
            r#"TUS_NOTE(" ") struct tus_client *tus_client_new(const char *name, tus_fn call, int32_t (*raw)(void *))"#
        );
        assert_eq!(functions[2].signature, "__attribute__((warn_unused_result)) uint32_t tus_last(void)");
    }

    #[test]
    fn only_a_comment_right_before_documents() {
        let documented: Vec<bool> = read(HEADER).functions.iter().map(|function| function.documented).collect();
        assert_eq!(documented, [true, false, true]);
    }

    #[test]
    fn constants_have_a_value_and_no_parameters() {
        let constants = read(HEADER).constants;
        let pairs: Vec<(&str, &str)> =
            constants.iter().map(|constant| (constant.name.as_str(), constant.value.as_str())).collect();
        assert_eq!(pairs, [("TUS_VERSION_MAJOR", "0"), ("TUS_SIZE_UNKNOWN", "UINT64_MAX"), ("TUS_LONG", "(1 + \\")]);
    }

    #[test]
    fn a_broken_header_is_read_as_far_as_it_goes() {
        for text in ["", "int tus_a(", "/* open", "\"open", "int tus_a(void); }", "#define", "extern \"C\" {"] {
            assert!(read(text).functions.len() <= 1, "{text:?}");
        }
    }
}
