use super::*;

fn refused(text: &str) -> String {
    read("a", text).unwrap_err().to_string()
}

#[test]
fn a_unit_says_what_runs_where_and_with_what() {
    let service = read(
        "web",
        "[Unit]\nDescription=a 100% site\nAfter=network-online.target\n\n# A comment.\n[Service]\nType=simple\n\
         Environment=A=1 \"B=two words\"\nEnvironment='C=%%n $x'\nWorkingDirectory=/srv/my site\n\
         ExecStart=sh -c \"echo \\\"$$1\\\" \\\\ 100%% \\x41\\u00e9\\n\" '' \\\n  last\nRestart=no\n\n[Install]\nWantedBy=multi-user.target\n",
    );
    let expected = ServiceSpec {
        name: "web".into(),
        command: ["sh", "-c", "echo \"$1\" \\ 100% Aé\n", "", "last"].map(String::from).to_vec(),
        environment: [("A", "1"), ("B", "two words"), ("C", "%n $x")].map(|(a, b)| (a.into(), b.into())).into(),
        working_directory: Some("/srv/my site".into()),
    };
    assert_eq!(service, Ok(expected));
}

#[test]
fn what_would_need_systemd_is_refused_with_its_line() {
    assert_eq!(refused("[Service]\nRestart=no\n"), "it has no ExecStart");
    let cases = [
        ("[Service]\nExecStart=true\nRestart=always\n", "line 3: `Restart=always` can't be carried out"),
        ("[Unit]\nAfter=mysql.service\n", "line 2: `After=mysql.service` can't be carried out"),
        ("[Service]\nExecStart=-true\n", "line 2: `ExecStart=-true` can't be carried out"),
        ("[Service]\nExecStart=true\nExecStart=true\n", "line 3: `ExecStart=true` can't be carried out"),
        ("[Service]\nEnvironment=A\n", "line 2: `Environment=A` can't be carried out"),
        ("[Service]\nExecStart=echo %n\n", "line 2: the specifier `%n` can't be carried out"),
        ("[Service]\nExecStart=echo ${A}\n", "line 2: `$` begins a variable"),
        ("[Service]\nExecStart=echo ; echo\n", "line 2: `;` would begin a second command"),
        ("[Service]\nExecStart=echo \"\n", "line 2: a quotation does not end"),
        ("[Service]\nExecStart=echo \\q\n", "line 2: `\\q` is no escape"),
        ("[Service]\nWorkingDirectory=~\n", "line 2: `WorkingDirectory=~` can't be carried out"),
        ("[Service]\nUser=nobody\n", "line 2: `User=nobody` can't be carried out"),
        ("nothing\n", "line 1: `nothing` is neither a section nor a setting"),
    ];
    for (text, expected) in cases {
        let why = refused(text);
        assert!(why.starts_with(expected), "{text}: {why}");
    }
    assert_eq!(read("a", "[Service]\nExecStart=echo \";\"\n").unwrap().command, ["echo", ";"]);
}
