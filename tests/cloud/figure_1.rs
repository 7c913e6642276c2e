//! The paper's website, whose databases are servers of Nova's.

use serde_json::Value;

use crate::support::Folder;
use crate::{ended, is_empty, run_id, said};

/// Once the server is replaced, all four databases have every write that was acknowledged, and no other.
pub fn the_writable_database_of_figure_1_dies_and_no_write_is_lost() {
    let folder = Folder::new("cloud-figure-1");
    let output = ended(&folder, &["features/figure-1.feature", "--name", "db-1 dies"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let run = std::fs::read_to_string(folder.path().join(run_id(&folder)).join("run.json")).unwrap();
    let run: Value = serde_json::from_str(&run).unwrap();
    let data = &run["scenarios"][0]["data"];
    assert!(data["writes_acked"].as_u64().unwrap() > 100, "users wrote: {data}");
    assert_eq!((&data["writes_lost"], &data["writes_unasked"]), (&Value::from(0), &Value::from(0)), "{data}");
    assert_eq!(data["databases_read"].as_array().unwrap().len(), 4, "{data}");
    assert!(is_empty());
}
