//! `run.json`: the record itself.

use std::io::{self, Write};

use super::{JudgedRun, Report};

/// Renders [`super::RunRecord`] as JSON.
pub struct RunJson;

impl Report for RunJson {
    fn file_name(&self) -> &'static str {
        "run.json"
    }

    fn render(&self, run: &JudgedRun, out: &mut dyn Write) -> io::Result<()> {
        serde_json::to_writer_pretty(&mut *out, &run.record)?;
        out.write_all(b"\n")
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::Value;

    use super::*;
    use crate::report::sample;

    fn rendered(run: &JudgedRun) -> Value {
        let mut bytes = Vec::new();
        RunJson.render(run, &mut bytes).unwrap();
        serde_json::from_slice(&bytes).unwrap()
    }

    /// The published schema.
    fn stored() -> Value {
        serde_json::from_str(include_str!("../../docs/run.schema.json")).unwrap()
    }

    /// What is wrong with a document by the published schema.
    fn wrong(document: &Value) -> Option<String> {
        let (mut schemas, mut compiler) = (boon::Schemas::new(), boon::Compiler::new());
        compiler.add_resource("run.schema.json", stored()).unwrap();
        let schema = compiler.compile("run.schema.json", &mut schemas).unwrap();
        schemas.validate(document, schema).err().map(|why| format!("{why:#}"))
    }

    /// Set `RENEW_SCHEMA` to write it anew.
    #[test]
    fn the_published_schema_is_derived_from_the_record() {
        let schema = serde_json::to_value(schemars::schema_for!(crate::report::RunRecord)).unwrap();
        if std::env::var_os("RENEW_SCHEMA").is_some() {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/run.schema.json");
            std::fs::write(path, format!("{schema:#}\n")).unwrap();
        } else {
            assert!(schema == stored(), "docs/run.schema.json is old: RENEW_SCHEMA=1 cargo test --lib schema");
        }
    }

    #[test]
    fn the_sample_is_valid_by_the_schema_and_a_damaged_one_is_not() {
        let sample = rendered(&sample::run());
        assert_eq!(wrong(&sample), None);
        let mut damaged = sample;
        damaged["scenarios"][0]["seed"] = 7.into();
        assert!(wrong(&damaged).is_some_and(|why| why.contains("/scenarios/0/seed")));
    }

    /// The rendered sample that the README points to, which is of a real run.
    #[test]
    fn a_real_run_is_valid_by_the_schema() {
        let real = include_str!("../../reports/sample/run.json");
        assert_eq!(wrong(&serde_json::from_str(real).unwrap()), None);
    }

    #[test]
    fn the_schema_says_the_unit_and_the_origin_of_every_time() {
        let text = include_str!("../../docs/run.schema.json");
        for said in ["_at_s", "_after_t0_s", "scenario's zero"] {
            assert!(text.contains(said), "{said}");
        }
    }

    #[test]
    fn a_seed_beyond_what_a_double_can_hold_is_text() {
        let mut run = sample::run();
        run.record.scenarios[0].seed = 7_580_522_563_096_277_366;
        assert_eq!(rendered(&run)["scenarios"][0]["seed"], "7580522563096277366");
    }

    #[test]
    fn no_figure_has_more_than_six_decimals() {
        fn check(value: &Value, at: &str) {
            match value {
                Value::Array(items) => items.iter().for_each(|item| check(item, at)),
                Value::Object(fields) => fields.iter().for_each(|(name, value)| check(value, &format!("{at}.{name}"))),
                Value::Number(number) => {
                    let text = number.to_string();
                    let decimals = text.split_once('.').map_or(0, |(_, decimals)| decimals.len());
                    assert!(decimals <= 6, "{at} is {text}");
                }
                _ => {}
            }
        }
        check(&rendered(&sample::run()), "run");
    }
}
