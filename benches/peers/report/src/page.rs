//! The part of a page that is written by the report.

const BEGIN: &str = "<!-- figures: written by the report, do not edit -->";
const END: &str = "<!-- end of figures -->";

/// `page` with `figures` between its marks.
pub(crate) fn with_figures(page: &str, figures: &str) -> Result<String, String> {
    let marks = page
        .split_once(BEGIN)
        .and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
    let (before, behind) = marks.ok_or_else(|| format!("README.md lacks `{BEGIN}` or `{END}`"))?;
    Ok(format!(
        "{before}{BEGIN}\n\n{}\n\n{END}{behind}",
        figures.trim()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_marks_is_replaced() {
        let page = format!("a\n{BEGIN}\nold\n{END}\nz\n");
        let written = with_figures(&page, "new\n").unwrap();
        assert_eq!(written, format!("a\n{BEGIN}\n\nnew\n\n{END}\nz\n"));
        assert_eq!(with_figures(&written, "new").unwrap(), written);
        assert!(with_figures("no marks", "new").is_err());
    }
}
