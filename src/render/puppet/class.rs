//! A role as a class of Puppet's.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::quoted::{list, quoted};
use super::{Node, class_name, source};
use crate::instance::FileSpec;
use crate::launch::{UNCONFIGURED_MARK, process_file};
use crate::render::monit;
use crate::role::Role;

/// Whether the process of the service runs whose file follows.
const RUNS: &str = r#"read -r pid <"$1" && kill -0 "$pid""#;

/// What a class takes from its nodes, and what holds for everything in it.
const HEAD: &str = "(
  Hash[String, String] $content,
  Hash[String, String] $source,
  Array[Array[String]] $run,
  Hash[String, Array[String]] $services,
) {
  File { ensure => file, backup => false, show_diff => false }
  Exec { path => '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', environment => ['HOME=/root', 'LANG=C.UTF-8'], timeout => 120 }
";

/// The commands, one after the other, and the order of everything.
const COMMANDS: &str = "
  $run.each |$index, $command| {
    exec { \"command ${$index + 1}\":
      command => $command,
      onlyif  => [$unconfigured],
      require => $index ? { 0 => undef, default => Exec[\"command ${index}\"] },
      tag     => 'command',
    }
  }
";
const ORDER: &str = "
  Exec <| tag == 'folder' |> -> File <| tag == 'content' |> -> Exec <| tag == 'command' |> -> Exec <| tag == 'service' |>
";

/// The class of these servers, which are all of one role.
pub(super) fn class(servers: &[&Node<'_>]) -> String {
    let role = servers[0].role;
    let files: BTreeMap<&Path, &FileSpec> =
        servers.iter().flat_map(|node| &node.data.files).map(|file| (file.path.as_path(), file)).collect();
    let parts = [
        format!("class {} {HEAD}", class_name(role)),
        format!("  $unconfigured = {}\n", list(&["test", "-e", UNCONFIGURED_MARK])),
        folders(files.keys().copied()),
        files.values().map(|spec| file(spec)).collect(),
        COMMANDS.to_string(),
        services(role, servers),
        reload(role),
        ORDER.to_string(),
        "}\n".to_string(),
    ];
    parts.concat()
}

/// The folders that files lie in, made where they are missing, and left as they are where they are not.
fn folders<'f>(files: impl Iterator<Item = &'f Path>) -> String {
    let folders: BTreeSet<&Path> = files.filter_map(Path::parent).filter(|folder| *folder != Path::new("/")).collect();
    let folders: Vec<String> = folders.into_iter().map(|folder| folder.display().to_string()).collect();
    format!(
        "\n  {}.each |$folder| {{\n    exec {{ \"mkdir ${{folder}}\":\n      command => ['mkdir', '-p', '--', $folder],\n      creates => $folder,\n      tag     => 'folder',\n    }}\n  }}\n",
        list(&folders)
    )
}

/// A file, on the servers that have it.
fn file(spec: &FileSpec) -> String {
    let path = quoted(&spec.path.display().to_string());
    let from = if source(spec).is_some() { "source" } else { "content" };
    format!(
        "\n  if ${from}[{path}] =~ NotUndef {{\n    file {{ {path}:\n      mode    => '{:04o}',\n      {from:7} => ${from}[{path}],\n      tag     => 'content',\n    }}\n  }}\n",
        spec.mode
    )
}

/// A service is started whenever it does not run. What Monit supervises is started once, and left to Monit from then on.
fn services(role: &Role, servers: &[&Node<'_>]) -> String {
    let all = servers.iter().flat_map(|node| &node.data.services).cloned().collect::<Vec<_>>();
    if all.is_empty() {
        return String::new();
    }
    let kept = monit::unsupervised(role, &all);
    let kept: BTreeSet<String> = kept.into_iter().map(|service| service.name).collect();
    format!(
        "\n  $services.each |$name, $start| {{\n    exec {{ \"start ${{name}}\":\n      command => $start,\n      unless  => [['sh', '-c', {}, 'sh', \"{}\"]],\n      onlyif  => $name ? {{ Enum{} => undef, default => [$unconfigured] }},\n      tag     => 'service',\n    }}\n  }}\n",
        quoted(RUNS),
        process_file("${name}").display(),
        list(&kept.into_iter().collect::<Vec<_>>()),
    )
}

/// Changed files are taken in by what runs; what does not run yet reads them when it starts.
fn reload(role: &Role) -> String {
    let Some(reload) = &role.reload else { return String::new() };
    format!(
        "\n  exec {{ 'reload':\n    command     => {},\n    refreshonly => true,\n    unless      => [$unconfigured],\n    onlyif      => $services.keys.map |$name| {{ ['sh', '-c', {}, 'sh', \"{}\"] }},\n  }}\n  File <| tag == 'content' |> ~> Exec['reload'] -> Exec <| tag == 'service' |>\n",
        list(reload),
        quoted(RUNS),
        process_file("${name}").display(),
    )
}
