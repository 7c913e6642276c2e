//! What users should know of a workload file, though it is no mistake.

use super::{Model, Workload};
use crate::document::DocumentError;
use crate::document::yaml::at;

impl Workload {
    /// Each thing with its place in the file and what to do.
    pub fn notes(&self) -> Vec<DocumentError> {
        self.models.iter().filter_map(|model| self.refusals_unknown(model)).collect()
    }

    /// A statement says by its rows that nothing was changed; of a request and a command the file must say it.
    fn refusals_unknown(&self, model: &Model) -> Option<DocumentError> {
        let Model::Register { compare_and_set: Some(call), .. } = model else { return None };
        if call.sql.is_some() || !call.fail.is_empty() {
            return None;
        }
        let (answer, example) = if call.is_command() { ("exit code", "1") } else { ("answer", "409") };
        let detail = format!(
            "no {answer} of `compare_and_set` is named as `fail`: of a swap that is refused, as the value was another, it is not known \
             whether it was done"
        );
        let hint =
            format!("name what refuses it, for example `fail: [{example}]`; else such swaps prove next to nothing");
        Some(self.error(&at!["register", "compare_and_set"], detail, hint))
    }
}

#[cfg(test)]
mod tests {
    use crate::workload;

    /// The notes on a register that is compared and set so.
    fn notes(compare: &str) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("stock.workload.yaml");
        let text = format!(
            "database: mysql://shop@db/shop\nregister:\n  write: {{ path: /stock, method: PUT, body: \"{{{{ value }}}}\" }}\n  \
             read: {{ path: /stock }}\n{compare}"
        );
        std::fs::write(&path, text).unwrap();
        let notes = workload::read(&path).unwrap().notes();
        notes.iter().map(|note| note.to_string().replace(&format!("{}/", folder.path().display()), "")).collect()
    }

    #[test]
    fn a_swap_that_is_refused_needs_a_name_for_its_refusal() {
        let request = "  compare_and_set: { path: /swap, method: POST, body: \"{{ from }} {{ to }}\"";
        let [note] = notes(&format!("{request} }}\n")).try_into().unwrap();
        assert!(
            note.starts_with("stock.workload.yaml:5:20: no answer of `compare_and_set` is named as `fail`: "),
            "{note}"
        );
        assert!(note.contains("\n  help: name what refuses it, for example `fail: [409]`"), "{note}");
        let [note] =
            notes("  compare_and_set: { command: [swap, \"{{ from }}\", \"{{ to }}\"] }\n").try_into().unwrap();
        assert!(note.contains("no exit code of") && note.contains("`fail: [1]`"), "{note}");
        for fine in [
            format!("{request}, fail: [412] }}\n"),
            "  compare_and_set: { sql: \"UPDATE r SET v = {{ to }} WHERE v = {{ from }}\" }\n".to_string(),
            String::new(),
        ] {
            assert_eq!(notes(&fine), Vec::<String>::new());
        }
    }
}
