//! The `chimp` binary; see [`anarcho_chimp::cli`].

fn main() -> std::process::ExitCode {
    anarcho_chimp::cli::main()
}
