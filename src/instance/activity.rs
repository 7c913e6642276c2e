//! What a cloud does to a server by itself.

/// Something that a cloud's own healer does to a server, or has done, in its own words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Activity {
    /// No other one has it.
    pub id: String,
    /// The server, by name.
    pub server: String,
    /// What it does: `Launching a new EC2 instance: i-0123`.
    pub description: String,
    /// Why, or why it failed.
    pub detail: String,
    /// How far it is: `InProgress`, `Successful`, `Failed`.
    pub status: String,
}
