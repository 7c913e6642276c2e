fn main() -> std::process::ExitCode {
    anarcho_chimp::chaos("features")
}
