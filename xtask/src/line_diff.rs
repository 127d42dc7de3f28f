//! Shows how two texts differ, line by line, with a little of what is around.

/// Lines of common text shown around a difference.
const CONTEXT: usize = 2;

#[derive(Clone, Copy, PartialEq)]
enum Line<'a> {
    Same(&'a str),
    Old(&'a str),
    New(&'a str),
}

/// The difference of two texts, `-` before what only `old` has and `+` before what only `new` has; empty when there is
/// none.
pub(crate) fn line_diff(old: &str, new: &str) -> String {
    let lines = compare(&old.lines().collect::<Vec<_>>(), &new.lines().collect::<Vec<_>>());
    let differs: Vec<usize> = (0..lines.len()).filter(|&at| !matches!(lines[at], Line::Same(_))).collect();
    let mut text = String::new();
    let mut last = None;
    for (at, line) in lines.iter().enumerate() {
        let next = differs.partition_point(|&differing| differing + CONTEXT < at);
        if differs.get(next).is_none_or(|&differing| differing > at + CONTEXT) {
            continue;
        }
        if last.is_some_and(|last: usize| last + 1 < at) {
            text.push_str("…\n");
        }
        last = Some(at);
        let (mark, line) = match line {
            Line::Same(line) => (' ', line),
            Line::Old(line) => ('-', line),
            Line::New(line) => ('+', line),
        };
        text.push_str(&format!("{mark} {line}\n"));
    }
    text
}

fn compare<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<Line<'a>> {
    let head = old.iter().zip(new).take_while(|(one, other)| one == other).count();
    let (old_rest, new_rest) = (&old[head..], &new[head..]);
    let tail = old_rest.iter().rev().zip(new_rest.iter().rev()).take_while(|(one, other)| one == other).count();
    let (old_middle, new_middle) = (&old_rest[..old_rest.len() - tail], &new_rest[..new_rest.len() - tail]);

    let mut lines: Vec<Line<'a>> = old[..head].iter().map(|line| Line::Same(line)).collect();
    compare_middle(old_middle, new_middle, &mut lines);
    lines.extend(old[old.len() - tail..].iter().map(|line| Line::Same(line)));
    lines
}

/// By the longest common subsequence: `common[i][j]` is its length from `old[i]` and `new[j]` on.
fn compare_middle<'a>(old: &[&'a str], new: &[&'a str], lines: &mut Vec<Line<'a>>) {
    let mut common = vec![vec![0_u32; new.len() + 1]; old.len() + 1];
    for (i, old_line) in old.iter().enumerate().rev() {
        for (j, new_line) in new.iter().enumerate().rev() {
            common[i][j] = match old_line == new_line {
                true => common[i + 1][j + 1] + 1,
                false => common[i + 1][j].max(common[i][j + 1]),
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            lines.push(Line::Same(old[i]));
            (i, j) = (i + 1, j + 1);
        } else if j == new.len() || (i < old.len() && common[i + 1][j] >= common[i][j + 1]) {
            lines.push(Line::Old(old[i]));
            i += 1;
        } else {
            lines.push(Line::New(new[j]));
            j += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_have_no_difference() {
        assert_eq!(line_diff("a\nb\n", "a\nb\n"), "");
        assert_eq!(line_diff("", ""), "");
    }

    #[test]
    fn a_changed_line_is_shown_with_what_is_around() {
        assert_eq!(line_diff("1\n2\n3\n4\n5\n6\n7", "1\n2\n3\nx\n5\n6\n7"), "  2\n  3\n- 4\n+ x\n  5\n  6\n");
    }

    #[test]
    fn far_differences_are_set_apart() {
        assert_eq!(line_diff("a\n1\n2\n3\n4\n5\n6\nb", "1\n2\n3\n4\n5\n6"), "- a\n  1\n  2\n…\n  5\n  6\n- b\n");
    }

    #[test]
    fn an_empty_text_differs_in_every_line() {
        assert_eq!(line_diff("", "a\nb"), "+ a\n+ b\n");
        assert_eq!(line_diff("a\nb", ""), "- a\n- b\n");
    }
}
