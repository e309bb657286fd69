//! Words and commands of a shell script, with their lines.

/// A part of a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Text(String),
    Variable {
        name: String,
        /// Of `${NAME:-default}` and its like.
        default: Option<Vec<Part>>,
        /// Whether it is `:=`, which sets the variable.
        assigns: bool,
    },
    /// What is not expanded here: why.
    Beyond(String),
}

/// A word as the shell splits them.
#[derive(Clone, Debug)]
pub(super) struct Word {
    pub parts: Vec<Part>,
    /// As written.
    pub raw: String,
}

impl Word {
    /// The word, if it is plain text.
    pub fn literal(&self) -> Option<String> {
        let texts = self.parts.iter().map(|part| match part {
            Part::Text(text) => Some(text.as_str()),
            _ => None,
        });
        texts.collect()
    }

    /// `NAME=value` or `NAME+=value`: the name, whether it appends, the value.
    pub fn assignment(&self) -> Option<(&str, bool, Vec<Part>)> {
        let (name, _) = self.raw.split_once('=')?;
        let (bare, append) = name.strip_suffix('+').map_or((name, false), |bare| (bare, true));
        if !is_name(bare) {
            return None;
        }
        let mut parts = self.parts.clone();
        match parts.first_mut() {
            Some(Part::Text(text)) => *text = text.get(name.len() + 1..)?.to_owned(),
            _ => return None,
        }
        Some((bare, append, parts))
    }

    pub fn assigns_by_default(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Variable { assigns: true, .. }))
    }
}

/// Words up to the end of a line, a `;` or an operator.
#[derive(Clone, Debug, Default)]
pub(super) struct Command {
    /// Of its first word, from 1.
    pub line: usize,
    pub words: Vec<Word>,
    /// Whether it hangs on the one before it.
    pub joined: bool,
    /// Whether the next one hangs on it.
    pub joins: bool,
    /// What of it is more than words: why it is not read.
    pub beyond: Option<String>,
}

/// All commands of a text.
pub(super) fn commands(text: &str) -> Vec<Command> {
    let mut commands = Commands::new(text);
    while commands.read_on() {}
    commands.found
}

/// Puts words together to commands.
struct Commands {
    lexer: Lexer,
    found: Vec<Command>,
    /// The one that is not closed yet.
    open: Command,
    /// Whether the next one hangs on the one before it.
    joined: bool,
}

impl Commands {
    fn new(text: &str) -> Self {
        let lexer = Lexer { text: text.chars().collect(), at: 0, line: 1, heredocs: Vec::new() };
        Self { lexer, found: Vec::new(), open: Command::default(), joined: false }
    }

    /// Reads a word or a sign; false at the end of the text.
    fn read_on(&mut self) -> bool {
        self.lexer.blanks();
        match self.lexer.peek(0) {
            None => {
                self.close(false);
                return false;
            }
            Some('\n') => {
                self.lexer.next();
                self.close(false);
                self.lexer.skip_heredocs();
            }
            Some('#') => self.lexer.comment(),
            Some(';') => {
                while self.lexer.peek(0) == Some(';') {
                    self.lexer.next();
                }
                self.close(false);
            }
            Some('&' | '|') => self.operator(),
            Some('<' | '>') => {
                self.begin();
                self.lexer.redirection();
                self.beyond("it redirects what a command reads or prints");
            }
            Some('(') => self.parenthesis(),
            Some(')') => {
                self.lexer.next();
            }
            Some(_) => self.word(),
        }
        true
    }

    /// What comes next is the first of its command, if no word stands before it.
    fn begin(&mut self) {
        if self.open.words.is_empty() {
            self.open.line = self.lexer.line;
        }
    }

    fn beyond(&mut self, why: &str) {
        self.open.beyond.get_or_insert_with(|| why.to_owned());
    }

    fn close(&mut self, joins: bool) {
        if !self.open.words.is_empty() || self.open.beyond.is_some() {
            let mut command = std::mem::take(&mut self.open);
            command.joined = self.joined;
            command.joins = joins;
            self.found.push(command);
        }
        self.joined = joins;
    }

    /// `&`, `|`, `&&`, `||`, `|&`, or the redirection `&>`.
    fn operator(&mut self) {
        let first = self.lexer.next();
        let second = self.lexer.peek(0);
        if second == first || second == Some('&') {
            self.lexer.next();
        }
        if first == Some('&') && second == Some('>') {
            self.begin();
            self.lexer.redirection();
            self.beyond("it redirects what a command prints");
            return;
        }
        self.close(true);
    }

    /// The `()` of a function, a list of values or a subshell.
    fn parenthesis(&mut self) {
        self.begin();
        let function = self.lexer.peek(1) == Some(')') && self.open.words.len() == 1;
        if function {
            self.lexer.next();
            self.lexer.next();
            self.open.words.push(Word { parts: Vec::new(), raw: "()".to_owned() });
        } else {
            self.lexer.parenthesis();
            let array = self.open.words.last().is_some_and(|word| word.raw.ends_with('='));
            self.beyond(if array {
                "a list of values (`NAME=( … )`) is not read"
            } else {
                "a subshell is not run"
            });
        }
    }

    fn word(&mut self) {
        if self.open.beyond.is_none() {
            self.begin();
        }
        let begin = self.lexer.at;
        let parts = self.lexer.word();
        let raw: String = self.lexer.text[begin..self.lexer.at].iter().collect();
        // `2>&1`: the number belongs to the redirection.
        let number = raw.chars().all(|c| c.is_ascii_digit()) && matches!(self.lexer.peek(0), Some('<' | '>'));
        if !number {
            self.open.words.push(Word { parts, raw });
        }
    }
}

struct Lexer {
    text: Vec<char>,
    at: usize,
    line: usize,
    /// Delimiters of here-documents that begin with the next line.
    heredocs: Vec<String>,
}

impl Lexer {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.text.get(self.at + ahead).copied()
    }

    fn next(&mut self) -> Option<char> {
        let character = self.peek(0)?;
        self.at += 1;
        if character == '\n' {
            self.line += 1;
        }
        Some(character)
    }

    /// Blanks, and lines that go on with the next.
    fn blanks(&mut self) {
        loop {
            match (self.peek(0), self.peek(1)) {
                (Some(' ' | '\t' | '\r'), _) => {
                    self.next();
                }
                (Some('\\'), Some('\n')) => {
                    self.next();
                    self.next();
                }
                _ => return,
            }
        }
    }

    fn comment(&mut self) {
        while self.peek(0).is_some_and(|character| character != '\n') {
            self.next();
        }
    }

    fn redirection(&mut self) {
        let mut signs = String::new();
        while let Some(sign @ ('<' | '>' | '&' | '-')) = self.peek(0) {
            signs.push(sign);
            self.next();
        }
        self.blanks();
        let begin = self.at;
        self.word();
        if signs.starts_with("<<") && !signs.starts_with("<<<") {
            let raw: String = self.text[begin..self.at].iter().collect();
            self.heredocs.push(raw.replace(['\'', '"', '\\'], ""));
        }
    }

    fn skip_heredocs(&mut self) {
        for delimiter in std::mem::take(&mut self.heredocs) {
            loop {
                let begin = self.at;
                self.comment();
                let line: String = self.text[begin..self.at].iter().collect();
                let ended = self.next().is_none();
                if ended || line.trim() == delimiter {
                    break;
                }
            }
        }
    }

    /// Up to the matching parenthesis; quotes in it are not looked at, which only makes what is not read longer.
    fn parenthesis(&mut self) {
        let mut depth = 0usize;
        while let Some(character) = self.next() {
            match character {
                '(' => depth += 1,
                ')' => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        return;
                    }
                }
                _ => {}
            }
        }
    }

    fn word(&mut self) -> Vec<Part> {
        let mut parts = Vec::new();
        let begin = self.at;
        while let Some(character) = self.peek(0) {
            // At the beginning of a word, and of each directory of a value.
            let first = self.at == begin || matches!(self.text.get(self.at - 1), Some('=' | ':'));
            match character {
                '~' if first && matches!(self.peek(1), Some('/' | '\n' | ' ' | ':') | None) => {
                    self.next();
                    parts.push(Part::Variable { name: "HOME".to_owned(), default: None, assigns: false });
                }
                ' ' | '\t' | '\r' | '\n' | ';' | '&' | '|' | '<' | '>' | '(' | ')' => break,
                _ => self.part(&mut parts, None),
            }
        }
        parts
    }

    /// The next part, outside of quotes or between double ones.
    fn part(&mut self, parts: &mut Vec<Part>, quotes: Option<char>) {
        match self.peek(0) {
            Some('\\') => {
                self.next();
                match self.next() {
                    Some('\n') | None => {}
                    Some(character) => {
                        // Between double quotes a backslash only hides what has a meaning there.
                        if quotes.is_some() && !['"', '$', '`', '\\'].contains(&character) {
                            push(parts, '\\');
                        }
                        push(parts, character);
                    }
                }
            }
            Some('\'') if quotes.is_none() => {
                self.next();
                // So that an empty text is a part as well.
                parts.push(Part::Text(String::new()));
                while let Some(character) = self.next() {
                    if character == '\'' {
                        return;
                    }
                    push(parts, character);
                }
            }
            Some('"') if quotes.is_none() => {
                self.next();
                parts.push(Part::Text(String::new()));
                while let Some(character) = self.peek(0) {
                    if character == '"' {
                        self.next();
                        return;
                    }
                    self.part(parts, Some('"'));
                }
            }
            Some('`') => {
                self.next();
                while self.next().is_some_and(|character| character != '`') {}
                parts.push(Part::Beyond(
                    "it uses the output of a command, and import runs nothing".to_owned(),
                ));
            }
            Some('$') => self.dollar(parts),
            Some(character) => {
                self.next();
                push(parts, character);
            }
            None => {}
        }
    }

    fn dollar(&mut self, parts: &mut Vec<Part>) {
        self.next();
        match self.peek(0) {
            Some('(') => {
                self.parenthesis();
                parts.push(Part::Beyond(
                    "it uses the output of a command, and import runs nothing".to_owned(),
                ));
            }
            Some('{') => {
                self.next();
                let part = self.braces();
                parts.push(part);
            }
            Some(character) if character.is_ascii_alphabetic() || character == '_' => {
                let mut name = String::new();
                while let Some(character) = self.peek(0).filter(|c| c.is_ascii_alphanumeric() || *c == '_') {
                    name.push(character);
                    self.next();
                }
                parts.push(Part::Variable { name, default: None, assigns: false });
            }
            Some(character @ ('0'..='9' | '@' | '*' | '#' | '?' | '!' | '$' | '-')) => {
                self.next();
                parts.push(Part::Beyond(format!("`${character}` is only known at run time")));
            }
            _ => push(parts, '$'),
        }
    }

    /// After `${`.
    fn braces(&mut self) -> Part {
        let mut name = String::new();
        while let Some(character) = self.peek(0).filter(|c| c.is_ascii_alphanumeric() || *c == '_') {
            name.push(character);
            self.next();
        }
        let mut sign = String::new();
        while let Some(character) = self.peek(0).filter(|c| ":-=".contains(*c) && sign.len() < 2) {
            sign.push(character);
            self.next();
            if character != ':' {
                break;
            }
        }
        let mut default = Vec::new();
        let mut begun = false;
        while let Some(character) = self.peek(0) {
            if character == '}' {
                self.next();
                let plain = is_name(&name);
                return match (plain, sign.as_str()) {
                    (true, "") if !begun => Part::Variable { name, default: None, assigns: false },
                    (true, ":-" | "-") => Part::Variable { name, default: Some(default), assigns: false },
                    (true, ":=" | "=") => Part::Variable { name, default: Some(default), assigns: true },
                    _ => Part::Beyond(format!(
                        "`${{{name}…}}` changes a value in a way that is not \
                                               understood"
                    )),
                };
            }
            begun = true;
            self.part(&mut default, None);
        }
        Part::Beyond("a `${` is not closed".to_owned())
    }
}

fn push(parts: &mut Vec<Part>, character: char) {
    match parts.last_mut() {
        Some(Part::Text(text)) => text.push(character),
        _ => parts.push(Part::Text(character.to_string())),
    }
}

pub(super) fn is_name(text: &str) -> bool {
    let mut characters = text.chars();
    characters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && characters.all(|character| character.is_ascii_alphanumeric() || character == '_')
}
