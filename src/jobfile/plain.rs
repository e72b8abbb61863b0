//! Commands for the shell that need none: nothing but a program and its arguments.

/// What a shell carries out itself, or that means something else as the first word. Some of them are programs
/// too, which do not do quite the same.
const SHELLS_OWN: [&str; 56] = [
    "!", ".", ":", "[", "[[", "alias", "bg", "break", "case", "cd", "command", "continue", "do", "done",
    "echo", "elif", "else", "esac", "eval", "exec", "exit", "export", "false", "fc", "fg", "fi", "for",
    "function", "getopts", "hash", "if", "jobs", "kill", "local", "printf", "pwd", "read", "readonly",
    "return", "set", "shift", "source", "test", "then", "time", "times", "trap", "true", "type", "ulimit",
    "umask", "unalias", "unset", "until", "wait", "while",
];

/// Returns the words of `command` if a shell would do no more than run the first with the others as they
/// stand. `None` also for a single word, which is as well off in a shell: what can go wrong there are
/// arguments.
pub(super) fn words(command: &str) -> Option<Vec<&str>> {
    let words: Vec<&str> = command.split(' ').filter(|word| !word.is_empty()).collect();
    let (program, arguments) = words.split_first()?;
    let starts_it = !program.contains('=') && !SHELLS_OWN.contains(program);
    (starts_it && !arguments.is_empty() && command.chars().all(means_itself)).then_some(words)
}

fn means_itself(c: char) -> bool {
    c.is_alphanumeric() || " %+,-./:=@_".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_and_its_arguments_are_plain() {
        let check = |command: &str, expected: &[&str]| {
            assert_eq!(words(command).unwrap_or_default(), expected, "{command}");
        };
        check("df -h .", &["df", "-h", "."]);
        check("  ./bin/sync  --to=eu-1:/srv  a@b,c  50% ", &["./bin/sync", "--to=eu-1:/srv", "a@b,c", "50%"]);
        check("sync größe", &["sync", "größe"]);
        // One word has no arguments that a shell could change.
        check("backup", &[]);
        check("", &[]);
    }

    #[test]
    fn whatever_is_for_the_shell_is_not() {
        let commands = [
            "ls 'a b'",
            "ls \"a\"",
            "ls a\\ b",
            "echo hi",
            "cd /srv",
            "exit 3",
            "test -e x",
            "[ -e x ]",
            "export A=1",
            ". ./env.sh x",
            ": nothing",
            "A=1 run it",
            "ls $HOME",
            "ls `x`",
            "ls *.c",
            "ls a?",
            "ls [ab]",
            "a | b",
            "a && b",
            "a; b",
            "a & b",
            "a > b",
            "a < b",
            "ls ~",
            "ls ~me/x",
            "(a b)",
            "{ a b",
            "cp {a,b} c",
            "! a b",
            "a # b",
            "a b\nc",
            "a\tb",
            "if a",
            "time make it",
        ];
        for command in commands {
            assert_eq!(words(command), None, "{command}");
        }
    }
}
