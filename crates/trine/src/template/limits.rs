//! The limits of templates.

/// The limits of templates. If one is exceeded, rendering fails with a 500, and the log names the
/// template.
///
/// ```
/// use trine::template::{TemplateLimits, Templates};
///
/// let files = &[("long.txt", "{% for i in range(1000) %}{{ i }} {% endfor %}")];
/// let limits = TemplateLimits { output: 100, ..TemplateLimits::default() };
/// let error = Templates::embedded(files).limits(limits).try_render("long.txt", ()).unwrap_err();
/// assert!(error.what().contains("more than 100 bytes"));
/// ```
#[derive(Debug, Clone)]
pub struct TemplateLimits {
    /// The maximum number of steps of one rendering, which bounds nested loops. One iteration of a
    /// loop that writes a value takes about seven.
    ///
    /// Default: 5,000,000.
    pub steps: u64,
    /// The maximum nesting depth of blocks, loops, macros and includes. An include counts as ten.
    ///
    /// Default: 500, which is also the highest possible value.
    pub depth: usize,
    /// The maximum output of one rendering, in bytes.
    ///
    /// Default: 8 MiB.
    pub output: usize,
    /// The maximum size of one template file, in bytes.
    ///
    /// Default: 1 MiB.
    pub source: u64,
    /// The maximum number of files in the folder.
    ///
    /// Default: 10,000.
    pub files: usize,
}

impl Default for TemplateLimits {
    fn default() -> TemplateLimits {
        TemplateLimits {
            steps: 5_000_000,
            depth: 500,
            output: 8 * 1024 * 1024,
            source: 1024 * 1024,
            files: 10_000,
        }
    }
}
