//! `cargo test --test chaos`: runs `features/` in the local cloud.

fn main() -> std::process::ExitCode {
    anarcho_chimp::chaos("features")
}
