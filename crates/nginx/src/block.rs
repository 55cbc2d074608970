//! Directives and blocks, indented.

use std::fmt::Write;

/// The directives of one block.
#[derive(Default)]
pub struct Block {
    text: String,
    depth: usize,
}

impl Block {
    /// Adds a directive, written without its semicolon.
    pub fn line(&mut self, directive: impl AsRef<str>) {
        // Writing to a String cannot fail.
        let _ = writeln!(
            self.text,
            "{:indent$}{};",
            "",
            directive.as_ref(),
            indent = 4 * self.depth
        );
    }

    /// Adds a block.
    pub fn block(&mut self, head: impl AsRef<str>, content: impl FnOnce(&mut Self)) {
        let indent = 4 * self.depth;
        let _ = writeln!(self.text, "{:indent$}{} {{", "", head.as_ref());
        self.depth += 1;
        content(self);
        self.depth -= 1;
        let _ = writeln!(self.text, "{:indent$}}}", "");
    }

    /// The whole text.
    pub fn finish(self) -> String {
        self.text
    }
}
