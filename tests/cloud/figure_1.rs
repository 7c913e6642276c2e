//! The paper's website, whose databases are servers of Nova's.

use serde_json::Value;

use crate::support::Folder;
use crate::{ended, is_empty, run_id, said};

/// With few users: eleven servers, their databases and a whole OpenStack share the machine.
const SCENARIO: &str = "Feature: Any
  Scenario: The writable database dies
    Given the infrastructure in \"figure-1\"
    And 4 users read and write the site
    And 25 requests/s of read traffic
    And requests time out after 2 s
    When node \"db-1\" dies
    Then no acknowledged write is lost
    And no write is applied twice
    And the databases agree within 1 min
    And recovery takes under 5 min
    And no node is booted twice
";

/// Once the server is replaced, all four databases have every write that was acknowledged, and no other.
pub fn the_writable_database_of_figure_1_dies_and_no_write_is_lost() {
    let folder = Folder::new("cloud-figure-1");
    let feature = folder.write("any.feature", SCENARIO).display().to_string();
    let output = ended(&folder, &[&feature]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let run = std::fs::read_to_string(folder.path().join(run_id(&folder)).join("run.json")).unwrap();
    let run: Value = serde_json::from_str(&run).unwrap();
    let data = &run["scenarios"][0]["data"];
    assert!(data["writes_acked"].as_u64().unwrap() > 20, "users wrote: {data}");
    assert_eq!((&data["writes_lost"], &data["writes_unasked"]), (&Value::from(0), &Value::from(0)), "{data}");
    assert_eq!(data["databases_read"].as_array().unwrap().len(), 4, "{data}");
    assert!(is_empty());
}
