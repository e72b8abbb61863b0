//! Faults as a person reads them: message, place, the lines in question with the spot marked, and what to do.

use super::fault::{Excerpt, Fault, Faults, Severity};
use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{
    Annotation, AnnotationKind, Group, Level, Origin, Renderer, Snippet, normalize_untrusted_str,
};

impl Faults {
    /// Returns all faults as text, one after another with a blank line behind each.
    pub fn render(&self, colour: bool) -> String {
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
        let renderer = renderer.decor_style(DecorStyle::Ascii);
        self.iter().map(|fault| format!("{}\n\n", renderer.render(&[group(fault)]))).collect()
    }
}

fn group(fault: &Fault) -> Group<'_> {
    let level = match fault.severity() {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level.primary_title(harmless(&fault.message)).id(fault.code.as_str());
    let mut group = match &fault.excerpt {
        Some(excerpt) => title.element(snippet(excerpt, AnnotationKind::Primary, None)),
        None => title.element(origin(fault)),
    };
    if let Some((other, why)) = &fault.also {
        group = group.element(snippet(other, AnnotationKind::Context, Some(why)));
    }
    match &fault.hint {
        Some(hint) => group.element(Level::HELP.message(normalize_untrusted_str(&harmless(hint)))),
        None => group,
    }
}

fn snippet<'a>(
    excerpt: &'a Excerpt,
    kind: AnnotationKind,
    label: Option<&'a str>,
) -> Snippet<'a, Annotation<'a>> {
    let annotation = kind.span(excerpt.mark.clone()).label(label);
    let snippet = Snippet::source(harmless(&excerpt.text)).line_start(excerpt.line as usize);
    snippet.path(excerpt.file.to_string_lossy()).annotation(annotation)
}

/// Returns the text without the control characters of which the renderer does not know that terminals obey them. It has
/// as many bytes.
fn harmless(text: &str) -> String {
    text.replace(|c| ('\u{80}'..='\u{9f}').contains(&c), "·")
}

fn origin(fault: &Fault) -> Origin<'_> {
    let origin = Origin::path(fault.file.to_string_lossy());
    match (fault.line, fault.column) {
        (Some(line), Some(column)) => origin.line(line as usize).char_column(column as usize),
        _ => origin,
    }
}
