//! What a look at a cloud found, row by row.

/// One thing that a cloud must have.
#[derive(Debug, PartialEq, Eq)]
pub struct Row {
    /// What was looked at.
    pub name: &'static str,
    /// What was found.
    pub found: Result<String, Lack>,
}

/// Something that is missing.
#[derive(Debug, PartialEq, Eq)]
pub struct Lack {
    /// What was found instead.
    pub detail: String,
    /// What to do.
    pub fix: String,
}

/// What was found of a cloud.
#[derive(Debug)]
pub struct Findings {
    /// Up to the first that all further ones depend on, if it is missing.
    pub rows: Vec<Row>,
    /// How many requests that took.
    pub requests: u64,
    /// Whether anything describes the cloud without a mistake, so that there is something to look at.
    pub is_described: bool,
}

impl Default for Findings {
    fn default() -> Self {
        Findings { rows: Vec::new(), requests: 0, is_described: true }
    }
}

impl Findings {
    /// Adds a row.
    pub fn add(&mut self, name: &'static str, found: Result<String, Lack>) {
        self.rows.push(Row { name, found });
    }

    /// Adds a row about what should describe the cloud, and does not.
    pub fn add_undescribed(&mut self, name: &'static str, lack: Lack) {
        self.is_described = false;
        self.add(name, Err(lack));
    }

    /// Whether nothing is missing.
    pub fn are_good(&self) -> bool {
        self.rows.iter().all(|row| row.found.is_ok())
    }
}
